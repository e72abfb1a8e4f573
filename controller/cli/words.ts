// States, reasons, labels and amounts of the API in the words of tables.
import { wordOf } from '#client/enums.ts';
import { fromDuration, type ProtoDuration } from '#client/quantities.ts';
import {
  DataCenterState,
  JobState,
  type Reason,
  type Resources,
  type Run,
  RunState,
} from '#client/types.ts';
import type { Tone } from './paint.ts';
import type { Cell } from './table.ts';
import { cpus, devices, duration, mib, percent } from './units.ts';

const TONES: Readonly<Record<string, Tone>> = {
  active: 'good',
  running: 'good',
  succeeded: 'dim',
  queued: 'warn',
  held: 'warn',
  stopping: 'warn',
  cordoned: 'warn',
  draining: 'warn',
  joining: 'warn',
  registered: 'warn',
  staging: 'warn',
  stopped: 'dim',
  cancelled: 'dim',
  left: 'dim',
  fenced: 'dim',
  failed: 'bad',
  unknown: 'bad',
  unreachable: 'bad',
  down: 'bad',
  revoked: 'bad',
};

export const toneOf = (word: string): Tone | undefined => TONES[word];
export const stateCell = (word: string): Cell =>
  word === '' ? '' : { text: word, tone: toneOf(word) };
export const jobState = (state: number): string => wordOf(JobState, state);
export const runState = (state: number): string => wordOf(RunState, state);

/** An active data center that nobody hears from takes no runs: that is what a reader must see first. */
export function dataCenterState(state: number, reachable: boolean): Cell {
  const word = wordOf(DataCenterState, state);
  if (reachable || word === 'registered' || word === 'left') return stateCell(word);
  return { text: `${word}, unreachable`, tone: 'bad' };
}

/** The controller's sentence; where its numbers are in the API's units, the same with people's. */
export function reasonText(reason: Reason | undefined): string {
  if (reason === undefined || reason.code === '') return '';
  const { code, subject, needed, available } = reason;
  if (code === 'INSUFFICIENT') {
    return `no node has room now: ${subjectAmount(subject, needed)} needed, the freest has ${subjectAmount(subject, available)}`;
  }
  if (code === 'TOO_LARGE') {
    return `no node is large enough: ${subjectAmount(subject, needed)} needed, the largest has ${subjectAmount(subject, available)}`;
  }
  if (code === 'INSUFFICIENT_DEVICE') {
    return `no node has ${devices(needed)} ${modelOf(subject)} free, the best has ${devices(available)}`;
  }
  if (reason.message === '') return reason.code.toLowerCase().replaceAll('_', ' ');
  return reason.message.replace(
    IDENTITY,
    (_, who: string, tenant: string | undefined, id: string) =>
      tenant === undefined ? `${who} ${id}` : `${tenant}/${id}`,
  );
}

/** Who did it, as it is told to people elsewhere: `operator olga`, `health/anna`. */
const IDENTITY = /spiffe:\/\/[^/\s]+\/(?:(operator|agent)|tenant\/([^/\s]+)\/user)\/([a-z0-9-]+)/g;

/** A device in the words of a job that does not say which. */
export function modelOf(subject: string): string {
  return subject === '' || subject === 'any model' ? 'GPU' : subject;
}

/** Of a dimension as in domain/resources.ts, or of another countable resource: `2 CPU`, `64 GiB memory`, `3 licences`. */
export function subjectAmount(subject: string, value: number): string {
  if (subject.startsWith('cpu')) return `${cpus(value)} CPU`;
  if (subject.startsWith('memory')) return `${mib(value)} memory`;
  if (subject.startsWith('storage')) return `${mib(value)} storage`;
  if (subject.startsWith('device')) return `${devices(value)} GPU`;
  return `${value} ${subject}`.trim();
}

export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** `4 CPU, 16 GiB memory, 1 GPU`. */
export function amountText(amount: Resources | undefined): string {
  if (amount === undefined) return '';
  const asked = amount.devices.map((device) => {
    const share = device.shareThousandths || 1000;
    const count = share === 1000 ? String(device.count) : percent(share, 1000);
    const memory = device.memoryMib === 0 ? '' : ` with ${mib(device.memoryMib)}`;
    return `${count} ${device.model || 'GPU'}${memory}`;
  });
  return [
    amount.cpuMillis === 0 ? '' : `${cpus(amount.cpuMillis)} CPU`,
    amount.memoryMib === 0 ? '' : `${mib(amount.memoryMib)} memory`,
    amount.storageMib === 0 ? '' : `${mib(amount.storageMib)} storage`,
    amount.deviceThousandths === 0 ? '' : `${devices(amount.deviceThousandths)} GPU`,
    ...asked,
    ...Object.entries(amount.extra).map(([name, count]) => `${count} ${name}`),
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** `42% of 384`: how full, and of how much. */
export function fullness(used: number, capacity: number, unit: (amount: number) => string): Cell {
  if (capacity === 0) return '-';
  const share = used / capacity;
  const text = `${percent(used, capacity).padStart(4)} of ${unit(capacity)}`;
  return { text, tone: share >= 0.95 ? 'bad' : share >= 0.8 ? 'warn' : undefined };
}

export function placesOf(run: Run | undefined): string {
  return [...new Set((run?.parts ?? []).map((part) => part.dataCenter))].join(',');
}

/** Between two moments, until now when it still goes on. */
export function spanText(start: Date | undefined, end: Date | undefined, now: number): string {
  if (start === undefined) return '';
  return duration((end?.getTime() ?? now) - start.getTime());
}

export function ageText(since: Date | undefined, now: number): string {
  return since === undefined ? '' : duration(now - since.getTime());
}

export function durationText(value: ProtoDuration | undefined): string {
  return value === undefined ? '' : duration(fromDuration(value));
}
