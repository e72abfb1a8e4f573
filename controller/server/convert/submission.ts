// From a submitted job to what the core takes: checked, with its defaults, encoded once. Those bytes are what is hashed, stored
// and sent to the agent. This is the hot path: 50,000 jobs a second leave it 20 µs for each with everything else.
import { hash } from 'node:crypto';
import { checkJobSpec } from '#domain/job-rules.ts';
import { jobClassOf } from '#domain/job-class.ts';
import { millisOf, withDefaults, type Classification } from '#domain/job-spec.ts';
import { labelLines } from '#domain/labels.ts';
import { ID_RULE, isId } from '#domain/names.ts';
import { REFUSAL_CODES, refuseFields, type Refusal, type Violation } from '#domain/refusal.ts';
import { JobSpec, type JobSubmission, type SubmitError } from '#gen/isobar/v1/job.ts';
import { encode } from '#loop/encode.ts';
import { classKeyOf, type SubmitItem } from '#loop/requests.ts';
import type { Random } from '#ports/random.ts';

const MAX_KEY_LENGTH = 128;
/** A batch of assignments to an agent must hold at least one. */
const MAX_SPEC_BYTES = 2 * 1024 * 1024;
const DIGEST_BYTES = 16;
const EMPTY = new Uint8Array();
const ENDED = 2;

/** What of a tenant its jobs depend on. */
export interface TenantRules {
  readonly tenant: string;
  readonly defaultClassification: Classification;
  readonly clearance: Classification;
}

export interface Submission {
  readonly item: SubmitItem;
  /** With its defaults. */
  readonly spec: JobSpec;
}

/** Every wrong field of the job at once; paths begin at its specification, or are `job_id` and `idempotency_key`. */
export function toSubmission(
  { jobId, spec: given, idempotencyKey }: JobSubmission,
  rules: TenantRules,
  ids: IdMaker,
): Submission | Refusal {
  const violations = given === undefined ? [NO_SPEC] : checkJobSpec(given, rules.clearance);
  if (jobId !== '' && !isId(jobId)) {
    violations.push({
      field: 'job_id',
      description: `must be ${ID_RULE}, or empty for one that is made`,
    });
  }
  if (idempotencyKey.length > MAX_KEY_LENGTH) {
    violations.push({
      field: 'idempotency_key',
      description: `has more than ${MAX_KEY_LENGTH} characters`,
    });
  }
  if (violations.length > 0 || given === undefined) return refuseFields(violations);

  const spec = withDefaults(given, rules.defaultClassification);
  const bytes = encode(JobSpec, spec);
  if (bytes.length > MAX_SPEC_BYTES) return refuseFields([tooLarge(bytes.length)]);
  const jobClass = jobClassOf(spec);
  return {
    spec,
    item: {
      id: jobId === '' ? ids.next() : jobId,
      jobSet: spec.jobSet,
      jobClass,
      classKey: classKeyOf(jobClass),
      specDigest: specDigestOf(bytes, idempotencyKey === '' ? '' : jobId),
      keyDigest: idempotencyKey === '' ? EMPTY : digestOf(`${rules.tenant}\0${idempotencyKey}`),
      expectedRunMs: spec.expectedRunTime === undefined ? 0 : millisOf(spec.expectedRunTime),
      held: spec.hold,
      after: spec.after.map(({ job, condition }) => ({ job, any: condition === ENDED })),
      spec: bytes,
      labels: labelLines(spec.labels),
    },
  };
}

const NO_SPEC: Violation = {
  field: 'groups',
  description: 'there is no specification; give one task group at least',
};

function tooLarge(bytes: number): Violation {
  return {
    field: 'groups',
    description: `make ${bytes} bytes, at most ${MAX_SPEC_BYTES} are allowed; let the tasks fetch larger inputs`,
  };
}

/** With a key, the id that was asked for counts as well: the same key for another id is another job. */
function specDigestOf(bytes: Uint8Array, id: string): Uint8Array {
  return id === '' ? digestOf(bytes) : digestOf(Buffer.concat([bytes, Buffer.from(`\0${id}`)]));
}

function digestOf(data: Uint8Array | string): Uint8Array {
  return hash('sha256', data, 'buffer').subarray(0, DIGEST_BYTES);
}

/** A refusal as a batch tells it. */
export function toSubmitError({ code, reason, message, violations = [] }: Refusal): SubmitError {
  return { code: REFUSAL_CODES[code], reason, message, fieldViolations: [...violations] };
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_LENGTH = 16;
const POOL_BYTES = 4096;

/** Ids for jobs that were given none: 80 random bits, in letters and digits that people can read out. */
export class IdMaker {
  readonly #random: Random;
  #pool: Uint8Array = EMPTY;
  #at = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): string {
    if (this.#at + ID_LENGTH > this.#pool.length) {
      // Asking the system for each job would cost more than the rest of its id.
      this.#pool = this.#random.bytes(POOL_BYTES);
      this.#at = 0;
    }
    let id = '';
    for (let i = 0; i < ID_LENGTH; i++) id += ALPHABET[(this.#pool[this.#at++] ?? 0) & 31];
    return id;
  }
}
