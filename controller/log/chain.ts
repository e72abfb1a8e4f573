// The two chains: a CRC over the records, to see damage, and SHA-256 over the audit, to see tampering.
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { AuditHeader } from '#ports/log.ts';

/** CRC before the first record. */
export const firstCrc = 0;

/**
 * The CRC-32 of everything up to and with this record. Chained, so that a record that was exchanged, dropped or moved shows
 * at the next one, which a checksum of each alone would not.
 */
export function nextCrc(previousCrc: number, body: Uint8Array): number {
  return crc32(body, previousCrc);
}

/** Hash before the first audit entry. */
export const firstHash = '0'.repeat(64);

/**
 * Hash of an audit entry: SHA-256, in hexadecimal, of the hash before it, a newline and the entry as a JSON array. An auditor
 * can compute it with any language, without ours.
 */
export function nextHash(previousHash: string, revision: number, header: AuditHeader): string {
  const entry = JSON.stringify([
    revision,
    header.timeMs,
    header.actor,
    header.method,
    header.requestId,
    header.tenant,
    header.resource,
    header.eventCount,
  ]);
  return hash('sha256', `${previousHash}\n${entry}`, 'hex');
}

// What is not in a chain has a CRC of its own, over what names it and what it holds: SQLite does not check its pages.

export function crcOfRow(kind: string, key: string, revision: number, body: Uint8Array): number {
  return crc32(body, crc32(`${kind}\n${key}\n${revision}`));
}

export function crcOfJob(uid: number, body: Uint8Array): number {
  return crc32(body, uid >>> 0);
}
