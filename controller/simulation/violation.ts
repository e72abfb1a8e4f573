// What must never happen, by name. The numbers are those of section 8 of the design (controller/README.md).

export const INVARIANTS = {
  '1-acknowledged':
    'a submission that was answered is in the log, and in every state made from it, until it is forgotten',
  '2-idempotency': 'an idempotency key or an id makes one job, and is refused with another payload',
  '3-one-run-alive': 'at most one run of a job is alive while clocks drift within the bound',
  '3-effects':
    'the end of one run only is accepted, it is what really happened, and older runs change nothing',
  '4-over-commit':
    'what runs hold on a node or a device is at most what was free there when it was given',
  '4-quota': 'no tenant on the path to the root holds more than its quota when a run is placed',
  '4-real-use': 'tasks really running on a node need no more than it has',
  '5-watch': 'a watch gets every record once and in order, or is told that it is too old',
  '7-audit': 'each record has exactly one audit entry, and the chain of the audit holds',
  '9-fence': 'a run with a lease is dead at its fence, whether its agent lives or not',
  closed:
    'what is cordoned takes no run; what is drained asks all of its runs to stop, and a data center leaves with the last of them',
  '11-drain': 'when all faults have healed, every job ends within a bound',
  '11-outage': 'a controller that is away for less than the lease stops no run',
  gate: 'nothing goes out before the revision it was computed from is durable',
  order: 'revisions have no gap, and the time of the log neither runs backwards nor stands still',
  table: 'jobs, runs and data centers move as the state tables allow',
  rebuilt: 'the state recovered from the log equals the state that was folded live',
  archive: 'a job that ended is archived once, with its last state',
  ledger: 'the usage ledger is the sum of the runs',
  specification: 'an agent gets the specification that was submitted',
  agree: 'what the scheduler plans, decide takes: both see the same room',
  fatal: 'neither a fold nor a recovery fails',
  repeatable: 'the same seed gives the same run',
} as const satisfies Record<string, string>;

export type Invariant = keyof typeof INVARIANTS;

export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, message: string) {
    super(message);
    this.name = 'Violation';
    this.invariant = invariant;
  }
}

export function check(holds: boolean, invariant: Invariant, message: () => string): asserts holds {
  if (!holds) throw new Violation(invariant, message());
}
