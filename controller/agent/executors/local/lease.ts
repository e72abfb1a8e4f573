// The lease file: until when, in boot time, runs that have a lease may live. The agent writes it, so it holds whether or not
// a supervisor is there to be told; supervisor and guard read it.
import { join } from 'node:path';
import { bootId } from './proc.ts';
import { readIfThere, writeWhole } from './store.ts';

export function writeLease(control: string, deadlineBootMs: number): void {
  writeWhole(join(control, 'lease'), `${bootId()} ${Math.floor(deadlineBootMs)}\n`);
}

/** `Infinity` when none was ever set since the machine booted. */
export function readLease(control: string): number {
  const [boot, deadline] = (readIfThere(join(control, 'lease')) ?? '').split(' ');
  return boot === bootId() ? Number(deadline) : Infinity;
}
