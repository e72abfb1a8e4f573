// What would change a "no", from the typed reasons: the data center that is nearest to a yes, and what is missing there.
import type { Reason, Verdict } from '#client/types.ts';
import { devices } from './units.ts';
import { modelOf, subjectAmount } from './words.ts';

/** How far from a yes each reason is: what passes by itself, then what an operator can do, then what only the job can. */
const DISTANCE: Readonly<Record<string, number>> = {
  NO_CREDIT: 0,
  INSUFFICIENT: 1,
  INSUFFICIENT_DEVICE: 1,
  INSUFFICIENT_ON_ONE_NODE: 1,
  INSUFFICIENT_TOGETHER: 1,
  UNREACHABLE: 2,
  NODES_CORDONED: 3,
  NOT_ACTIVE: 3,
  NO_NODES: 4,
  TOO_LARGE: 5,
  NODE_SELECTOR: 6,
  NOT_OFFERED: 6,
  LABEL_MISSING: 6,
  NOT_SELECTED: 7,
  EXCLUDED: 7,
  WRONG_REGION: 7,
  WRONG_CLASS: 7,
  NOT_ACCEPTED: 8,
  CLEARANCE_TOO_LOW: 9,
};

/** Of the job as a whole. */
const BLOCKED: Readonly<Record<string, (reason: Reason) => string>> = {
  HELD: () => 'release it: isobar release',
  WAITS_FOR_JOBS: ({ subject }) => `nothing but the end of ${subject || 'the jobs it waits for'}`,
  BACKING_OFF: ({ needed }) => `nothing: its next attempt comes in ${needed} s`,
  QUOTA_EXCEEDED: ({ subject }) =>
    `jobs of ${subject || 'the tenant'} that end, or a larger quota: isobar apply`,
};

const ELSEWHERE: Readonly<Record<string, (reason: Reason, where: string) => string>> = {
  NO_CREDIT: (_, where) => `nothing: ${where} is still taking in other runs`,
  INSUFFICIENT: (reason, where) =>
    `${missing(reason)} more on one node of ${where}, or a smaller task`,
  INSUFFICIENT_DEVICE: (reason, where) =>
    `${devices(reason.needed - reason.available)} more ${modelOf(reason.subject)} free on one node of ${where}`,
  INSUFFICIENT_ON_ONE_NODE: (_, where) =>
    `one node of ${where} with all of it free at once, or a smaller task`,
  INSUFFICIENT_TOGETHER: ({ needed, available }, where) =>
    `room for ${needed - available} more tasks in ${where}, or fewer replicas`,
  UNREACHABLE: (_, where) => `the agent of ${where}: isobar describe dc ${where}`,
  NODES_CORDONED: (_, where) => `an uncordoned node in ${where}: isobar uncordon`,
  NOT_ACTIVE: (_, where) => `${where} taking new runs again: isobar uncordon ${where}`,
  NO_NODES: (_, where) => `a node in ${where}`,
  TOO_LARGE: (reason, where) =>
    `a task of at most ${subjectAmount(reason.subject, reason.available)}, the largest node of ${where}; or a larger node`,
  NOT_OFFERED: ({ subject }, where) => `${where} offering ${subject}, or a job that does without`,
  LABEL_MISSING: ({ subject }, where) => `label ${subject} on ${where}, or a job that does without`,
  NODE_SELECTOR: (_, where) => `a node in ${where} with the labels and role that the job asks for`,
  CLEARANCE_TOO_LOW: (_, where) =>
    `a higher clearance of ${where}; a lower classification of the job`,
};

/** One clause; empty when it fits somewhere or nothing helpful can be said. */
export function adviceFor(blocked: Reason | undefined, verdicts: readonly Verdict[]): string {
  if (blocked !== undefined && blocked.code !== '') return BLOCKED[blocked.code]?.(blocked) ?? '';
  if (verdicts.some(({ feasible }) => feasible)) return ''; // it is about to run
  const nearest = nearestOf(verdicts);
  if (nearest?.reason === undefined) return '';
  const { reason, dataCenter } = nearest;
  return (
    ELSEWHERE[reason.code]?.(reason, dataCenter) ?? 'other limits in the job: isobar describe job'
  );
}

/** The data center where the least stands in the way. */
export function nearestOf(verdicts: readonly Verdict[]): Verdict | undefined {
  const [nearest] = verdicts
    .filter(({ reason }) => reason !== undefined)
    .toSorted((a, b) => distance(a) - distance(b));
  return nearest;
}

/** By kind, then by how much is missing in proportion. */
function distance({ reason }: Verdict): number {
  if (reason === undefined) return 10;
  const gap = reason.needed === 0 ? 0 : 1 - Math.min(1, reason.available / reason.needed);
  return (DISTANCE[reason.code] ?? 9) + gap * 0.99;
}

function missing({ subject, needed, available }: Reason): string {
  return subjectAmount(subject, needed - available);
}
