// Users and the tokens with which they, and agents, get their first certificate.
import { dataCenterName, tenantName, userName } from '#domain/names.ts';
import { refuse } from '#domain/refusal.ts';
import type { Token, User } from '#gen/isobar/log/v1/entity.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import {
  accept,
  type CreateToken,
  type InviteUser,
  type NoteCertificate,
  type Outcome,
  type RevokeUser,
  type UseToken,
} from './command.ts';
import { isAhead, type State } from './state.ts';

export function decideInviteUser(
  state: State,
  command: InviteUser,
  nowMs: number,
): Outcome<undefined> {
  const { user, token } = command;
  if (user.tenant !== '' && !state.tenants.has(user.tenant)) {
    return refuse('NOT_FOUND', 'TENANT_NOT_FOUND', `there is no ${tenantName(user.tenant)}`);
  }
  const existing = state.users.get(userName(user.tenant, user.id));
  // Who was revoked begins anew: certificates from before stay refused.
  const createMs =
    existing === undefined || existing.entity.revoked ? nowMs : existing.entity.createMs;
  const events: Event[] = [
    { kind: { $case: 'userPut', value: { ...user, revoked: false, createMs } } },
    { kind: { $case: 'tokenCreated', value: token } },
  ];
  return accept([...uselessTokens(state, nowMs, token.identity), ...events], undefined);
}

export function decideRevokeUser(state: State, command: RevokeUser): Outcome<undefined> {
  const name = userName(command.tenant, command.user);
  const existing = state.users.get(name);
  if (existing === undefined)
    return refuse('NOT_FOUND', 'USER_NOT_FOUND', `there is no user ${name}`);
  if (existing.entity.revoked) return accept([], undefined);
  return accept(
    [{ kind: { $case: 'userPut', value: { ...existing.entity, revoked: true } } }],
    undefined,
  );
}

export function decideCreateToken(
  state: State,
  command: CreateToken,
  nowMs: number,
): Outcome<undefined> {
  if (!state.dataCenters.has(command.dataCenter)) {
    return refuse(
      'NOT_FOUND',
      'DATA_CENTER_NOT_FOUND',
      `there is no ${dataCenterName(command.dataCenter)}`,
    );
  }
  const created: Event = { kind: { $case: 'tokenCreated', value: command.token } };
  return accept([...uselessTokens(state, nowMs, command.token.identity), created], undefined);
}

/** A used, an expired and an unknown token get the same answer: who tries tokens learns nothing. */
export function decideUseToken(
  state: State,
  command: UseToken,
  nowMs: number,
): Outcome<{ identity: string }> {
  const token = state.tokens.get(command.id)?.entity;
  if (
    token === undefined ||
    token.expireMs <= nowMs ||
    !isEqual(token.secretSha256, command.secretSha256)
  ) {
    return refuse(
      'UNAUTHENTICATED',
      'TOKEN_INVALID',
      'the token is unknown, used or expired; ask for a new one',
    );
  }
  return accept([{ kind: { $case: 'tokenUsed', value: { id: token.id } } }], {
    identity: token.identity,
  });
}

export function decideNoteCertificate(_state: State, command: NoteCertificate): Outcome<undefined> {
  const { serial, identity, expireMs } = command;
  return accept(
    [{ kind: { $case: 'certificateIssued', value: { serial, identity, expireMs } } }],
    undefined,
  );
}

export function foldUserPut(state: State, entity: User): void {
  const name = userName(entity.tenant, entity.id);
  if (isAhead(state, 'user', name, state.revision)) return;
  state.users.set(name, { entity, revision: state.revision });
}

export function foldTokenCreated(state: State, entity: Token): void {
  if (isAhead(state, 'token', entity.id, state.revision)) return;
  state.tokens.set(entity.id, { entity, revision: state.revision });
}

export function foldTokenUsed(state: State, id: string): void {
  if (!state.tokens.delete(id)) return;
  state.gone.push({ kind: 'token', key: id });
}

/** Tokens that nobody used in time go when the next one is made, and so do older ones of the same identity. */
function uselessTokens(state: State, nowMs: number, identity: string): Event[] {
  return [...state.tokens.values()]
    .filter(({ entity }) => entity.expireMs <= nowMs || entity.identity === identity)
    .map((token): Event => ({ kind: { $case: 'tokenUsed', value: { id: token.entity.id } } }));
}

/** Both are digests: how long the comparison takes tells nothing of the secret. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
