// Addresses to listen on: `host:port`, with IPv6 in brackets.
import { BlockList, isIP, isIPv6 } from 'node:net';

export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] =
    /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535 || (bracketed !== undefined && !isIPv6(bracketed))) {
    throw new Error(
      `${address} is no address to listen on: write host:port or [IPv6 address]:port`,
    );
  }
  return { host, port };
}

export function formatAddress(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Throws unless nobody but this machine reaches the host; what `localhost` means is seen when it is bound. */
export function checkLoopback(address: string, host: string): void {
  if (host === 'localhost') return;
  if (isIP(host) > 0 && LOOPBACK.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')) return;
  throw new Error(
    `metrics cannot be plain on ${address}: others reach it and metrics name tenants. Configure a key and a certificate, or listen on 127.0.0.1`,
  );
}

const ADVICE: Readonly<Record<string, (port: string) => string>> = {
  EADDRINUSE: (port) =>
    `another program has the port. See which one with "ss -ltnp 'sport = :${port}'" and stop it, or configure another address`,
  EACCES: () => 'ports below 1024 need a privilege. Configure a higher port',
  EADDRNOTAVAIL: () => 'this machine does not have that address. Configure one of its own',
  ENOTFOUND: () => 'nobody knows that name. Configure an address of this machine',
};

export function whyNotBound(address: string, error: NodeJS.ErrnoException): string {
  const port = address.slice(address.lastIndexOf(':') + 1);
  const advice = ADVICE[error.code ?? '']?.(port) ?? error.message;
  return `cannot serve metrics on ${address}: ${advice}`;
}
