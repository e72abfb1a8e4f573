// The streams that are open, by identity: so that a revoked person's end, and each ends before its certificate does.
import { refuse, type Refusal } from '#domain/refusal.ts';
import type { Peer } from './identity.ts';

export interface OpenCall {
  /** Undefined on the listener for enrolment. */
  readonly peer: Peer | undefined;
  /** Ends it now, whether or not its reader reads. */
  close(refusal: Refusal): void;
}

export const REVOKED: Refusal = refuse(
  'UNAUTHENTICATED',
  'REVOKED',
  'Your access was revoked. An administrator of your tenant or an operator can invite you again.',
);

export const EXPIRING: Refusal = refuse(
  'UNAVAILABLE',
  'CERTIFICATE_EXPIRING',
  'The certificate of this connection is about to end. Renew it and connect again.',
);

export class OpenCalls {
  readonly #byIdentity = new Map<string, Set<OpenCall>>();

  add(call: OpenCall): void {
    const key = keyOf(call);
    const calls = this.#byIdentity.get(key);
    if (calls === undefined) this.#byIdentity.set(key, new Set([call]));
    else calls.add(call);
  }

  remove(call: OpenCall): void {
    const key = keyOf(call);
    const calls = this.#byIdentity.get(key);
    calls?.delete(call);
    if (calls?.size === 0) this.#byIdentity.delete(key);
  }

  /** Open streams of an identity, given as it stands in certificates. */
  countOf(uri: string): number {
    return this.#byIdentity.get(uri)?.size ?? 0;
  }

  get count(): number {
    let count = 0;
    for (const calls of this.#byIdentity.values()) count += calls.size;
    return count;
  }

  /** Ends all streams of one identity and answers how many there were. */
  closeAll(uri: string, refusal: Refusal = REVOKED): number {
    const calls = [...(this.#byIdentity.get(uri) ?? [])];
    for (const call of calls) call.close(refusal);
    return calls.length;
  }

  closeEvery(refusal: Refusal): void {
    for (const uri of this.#byIdentity.keys()) this.closeAll(uri, refusal);
  }

  /** Ends streams for which there is a reason. Asked once for each identity's certificate in use. */
  sweep(reasonToClose: (peer: Peer) => Refusal | undefined): void {
    for (const calls of this.#byIdentity.values()) {
      for (const call of calls) {
        const refusal = call.peer === undefined ? undefined : reasonToClose(call.peer);
        if (refusal !== undefined) call.close(refusal);
      }
    }
  }
}

const keyOf = (call: OpenCall): string => call.peer?.uri ?? '';
