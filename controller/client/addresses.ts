// A list of controllers as one target of a channel: `host:port`, names and numbers mixed. grpc-js has targets for one
// name, or for many numbers of one family; this one looks up the names and tries all in the order given.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { experimental, Metadata, status } from '@grpc/grpc-js';
import { IsobarError } from './isobar-error.ts';

type Listener = experimental.ResolverListener;
type Endpoint = experimental.Endpoint;

const SCHEME = 'isobar';
/** What the certificates of controllers say; see controller/server/authority.ts. */
export const CONTROLLER_NAME = 'controller.isobar.internal';

/** Names are not looked up more often than this: their addresses change rarely, and failures come in bursts. */
const LOOK_UP_INTERVAL_MS = 5_000;

let registered = false;

/** Throws an IsobarError when an address is no `host:port`. */
export function targetOf(addresses: readonly string[]): string {
  if (addresses.length === 0) throw invalid('no address of a controller is given');
  for (const address of addresses) parse(address);
  if (!registered) experimental.registerResolver(SCHEME, AddressResolver);
  registered = true;
  return `${SCHEME}:${addresses.join(',')}`;
}

class AddressResolver implements experimental.Resolver {
  readonly #addresses: readonly string[];
  readonly #listener: Listener;
  readonly #numbersOnly: boolean;
  /** What was under way before a destroy is not told. */
  #generation = 0;
  #lastMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(target: experimental.GrpcUri, listener: Listener) {
    this.#addresses = target.path.split(',');
    this.#listener = listener;
    this.#numbersOnly = this.#addresses.every((address) => isIP(parse(address).host) !== 0);
  }

  static getDefaultAuthority(): string {
    return CONTROLLER_NAME;
  }

  /**
   * Asked whenever a connection fails, and answered late or, for numbers, only once: an answer makes the channel look at
   * its connections again, find them failed and ask again.
   */
  updateResolution(): void {
    const looked = this.#lastMs > -Infinity;
    if (this.#timer !== undefined || (looked && this.#numbersOnly)) return;
    const waitMs = Math.max(0, this.#lastMs + LOOK_UP_INTERVAL_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#lastMs = performance.now();
      void this.#resolve(this.#generation);
    }, waitMs).unref();
    if (waitMs === 0) this.#timer.ref(); // a first call waits for it
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastMs = -Infinity;
    this.#generation += 1;
  }

  async #resolve(generation: number): Promise<void> {
    const found = await Promise.all(this.#addresses.map(endpointsOf));
    if (generation !== this.#generation) return;
    const endpoints = found.flat();
    if (endpoints.length > 0) {
      this.#listener(experimental.statusOrFromValue(endpoints), {}, null, '');
      return;
    }
    const details = `none of these names has an address: ${this.#addresses.join(', ')}`;
    const error = { code: status.UNAVAILABLE, details, metadata: new Metadata() };
    this.#listener(experimental.statusOrFromError(error), {}, null, '');
  }
}

/** None for a name that has no address now: the others may do. */
async function endpointsOf(address: string): Promise<Endpoint[]> {
  const { host, port } = parse(address);
  if (isIP(host) !== 0) return [{ addresses: [{ host, port }] }];
  try {
    const found = await lookup(host, { all: true });
    return found.map((one) => ({ addresses: [{ host: one.address, port }] }));
  } catch {
    return [];
  }
}

function parse(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:,\s]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw invalid(`${address} is no address; write host:port or [address]:port`);
  }
  return { host, port };
}

function invalid(message: string): IsobarError {
  return new IsobarError(message, { code: 'INVALID_ARGUMENT', reason: 'INVALID_ADDRESS' });
}
