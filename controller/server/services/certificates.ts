// EnrolmentService and CertificateService: first certificates for a token, and the next ones for a certificate.
import {
  CertificateServiceService,
  EnrolmentServiceService,
  type Certificate,
} from '#gen/isobar/v1/enrolment.ts';
import { FEDERATION } from '../authorize.ts';
import type { Handlers } from '../call.ts';
import { orThrow, RefusalError } from '../errors.ts';
import { formatIdentity, parseIdentity, type Identity } from '../identity.ts';
import { REVOKED } from '../open-calls.ts';
import type { CallContext } from '../running-call.ts';
import { hashSecret, parseSentToken, REFUSED_TOKEN } from '../tokens.ts';
import { unary } from './checked.ts';
import { statusOf } from './directory.ts';
import { change, type Parts } from './parts.ts';

export function enrolmentHandlers(parts: Parts): Handlers<EnrolmentServiceService> {
  return {
    enroll: unary(
      (request) => ({ concern: FEDERATION, parsed: request }),
      async ({ token, certificateRequest }, context) => {
        const { id, secret } = orThrow(parseSentToken(token));
        const command = { kind: 'useToken', id, secretSha256: hashSecret(secret) } as const;
        // 1. Whose token it is, without using it: a request that cannot be signed must not cost it.
        const who = { ...context, actor: ENROLMENT };
        const { value: known } = await change(parts, who, command, true, (_, answer) => answer);
        const identity = parseIdentity(known.identity);
        if (identity === undefined)
          throw new Error(`a token stands for ${known.identity}, which is no identity`);
        const status = statusOf(parts.loop.state, identity);
        if (status === 'revoked') throw new RefusalError(REVOKED);
        // Its data center is gone since.
        if (status === 'unknown') throw new RefusalError(REFUSED_TOKEN);
        // 2. Signed before the token is used, and given away only when it was: of two that come at once one gets it.
        const signed = await sign(parts, identity, certificateRequest);
        const actor = { ...context, actor: known.identity };
        await change(parts, actor, command, false, () => undefined);
        return note(parts, actor, signed);
      },
    ),
    getAuthority: unary(
      () => ({ concern: FEDERATION, parsed: undefined }),
      async () => ({ authorityPem: parts.authority.certificatePem }),
    ),
  };
}

/** The actor of what is only checked; the record itself names the identity. */
const ENROLMENT = 'enrolment';

export function certificateHandlers(parts: Parts): Handlers<CertificateServiceService> {
  return {
    renewCertificate: unary(
      (request) => ({ concern: FEDERATION, parsed: request }),
      async ({ certificateRequest }, context) => {
        const { peer } = context;
        if (peer === undefined) throw new Error('the policy let nobody in');
        return note(parts, context, await sign(parts, peer.identity, certificateRequest));
      },
    ),
  };
}

interface Signed {
  readonly certificate: Certificate;
  readonly serial: string;
}

async function sign(
  { authority, loop, lifetimes }: Parts,
  identity: Identity,
  request: Uint8Array,
): Promise<Signed> {
  const lifetimeMs = identity.kind === 'agent' ? lifetimes.agentMs : lifetimes.personMs;
  const issued = orThrow(await authority.issueClient(identity, request, loop.nowMs(), lifetimeMs));
  const { chainPem, authorityPem, renewMs, expireMs, serial } = issued;
  const certificate = {
    chainPem,
    authorityPem,
    identity: formatIdentity(identity),
    renewTime: new Date(renewMs),
    expireTime: new Date(expireMs),
  };
  return { certificate, serial };
}

/** The certificate goes out when the log knows of it. */
async function note(
  parts: Parts,
  context: Pick<CallContext, 'actor' | 'method' | 'requestId'>,
  { certificate, serial }: Signed,
): Promise<Certificate> {
  const { identity, expireTime } = certificate;
  if (expireTime === undefined) throw new Error('a certificate without an end');
  const command = {
    kind: 'noteCertificate',
    serial,
    identity,
    expireMs: expireTime.getTime(),
  } as const;
  await change(parts, context, command, false, () => undefined);
  return certificate;
}
