// Links between data centers.
import { refuse } from '#domain/refusal.ts';
import type { Link } from '#gen/isobar/log/v1/entity.ts';
import { accept, type Delete, type Outcome, type Put } from './command.ts';
import { checkEtag } from './etag.ts';
import { isAhead, type State } from './state.ts';

export function decidePutLink(state: State, command: Put<'putLink', Link>): Outcome<undefined> {
  const { entity, mode } = command;
  const existing = state.links.get(entity.id);
  if (mode === 'create' && existing !== undefined) {
    return refuse('ALREADY_EXISTS', 'LINK_EXISTS', `link ${entity.id} exists; update it instead`);
  }
  if (mode === 'update' && existing === undefined) return noSuchLink(entity.id);
  const stale = checkEtag(command.etag, existing?.revision);
  if (stale !== undefined) return stale;
  for (const end of [entity.source, entity.target]) {
    if (!state.dataCenters.has(end)) {
      return refuse(
        'NOT_FOUND',
        'DATA_CENTER_NOT_FOUND',
        `there is no data center ${end}; create it before its links`,
      );
    }
  }
  return accept([{ kind: { $case: 'linkPut', value: entity } }], undefined);
}

export function decideDeleteLink(state: State, command: Delete<'deleteLink'>): Outcome<undefined> {
  const link = state.links.get(command.id);
  if (link === undefined) return noSuchLink(command.id);
  const stale = checkEtag(command.etag, link.revision);
  if (stale !== undefined) return stale;
  return accept([{ kind: { $case: 'linkDeleted', value: { id: command.id } } }], undefined);
}

export function foldLinkPut(state: State, entity: Link): void {
  if (isAhead(state, 'link', entity.id, state.revision)) return;
  state.links.set(entity.id, { entity, revision: state.revision });
}

export function foldLinkDeleted(state: State, id: string): void {
  // A row that is ahead is of the link that was created anew.
  if (isAhead(state, 'link', id, state.revision) || !state.links.delete(id)) return;
  state.gone.push({ kind: 'link', key: id });
}

function noSuchLink(id: string): Outcome<never> {
  return refuse('NOT_FOUND', 'LINK_NOT_FOUND', `there is no link ${id}`);
}
