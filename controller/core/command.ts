// What can be asked of the state. Ids and chance come in with the command; who asks and when, with its context.
import type { Refusal } from '#domain/refusal.ts';
import type { Reason } from '#domain/reasons.ts';
import type { RunState } from '#domain/states.ts';
import type {
  DataCenter,
  JobClass,
  Link,
  Node,
  Reason as ReasonEntity,
  RunPart,
  Tenant,
  Token,
  User,
} from '#gen/isobar/log/v1/entity.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';

/** Who asks, how and when; becomes the header of the record. */
export interface Context {
  /** Identity, or `controller`. */
  readonly actor: string;
  readonly method: string;
  readonly requestId: string;
  /** Milliseconds since 1970; never before the time of the state. */
  readonly nowMs: number;
}

export const CONTROLLER = 'controller';

/** What decide says to a command. No events: nothing changes, and the answer still holds. */
export type Outcome<A> = Accepted<A> | Refusal;

export interface Accepted<A> {
  readonly kind: 'accepted';
  readonly events: readonly Event[];
  readonly answer: A;
}

interface FoundFederation {
  readonly kind: 'foundFederation';
  readonly federation: string;
  readonly incarnation: number;
}

/** Creates or replaces; `etag` is the revision that must still be the newest, undefined for any. */
export interface Put<K extends string, T> {
  readonly kind: K;
  readonly mode: 'create' | 'update';
  readonly entity: T;
  readonly etag: number | undefined;
}

export interface Delete<K extends string> {
  readonly kind: K;
  readonly id: string;
  readonly etag: number | undefined;
}

export interface InviteUser {
  readonly kind: 'inviteUser';
  readonly user: User;
  readonly token: Token;
}

export interface RevokeUser {
  readonly kind: 'revokeUser';
  readonly tenant: string;
  readonly user: string;
}

/** A token for the agent of a data center. */
export interface CreateToken {
  readonly kind: 'createToken';
  readonly dataCenter: string;
  readonly token: Token;
}

/** A token is traded for a certificate that the authority is ready to sign. */
export interface UseToken {
  readonly kind: 'useToken';
  readonly id: string;
  readonly secretSha256: Uint8Array;
}

export interface NoteCertificate {
  readonly kind: 'noteCertificate';
  readonly serial: string;
  readonly identity: string;
  readonly expireMs: number;
}

export interface MoveDataCenter {
  readonly kind: 'moveDataCenter';
  readonly id: string;
  readonly verb: 'cordon' | 'uncordon' | 'drain';
}

/** What cordon, uncordon and drain answer; only a drain moves runs. */
export interface DrainAnswer {
  readonly movedRuns: number;
}

/** The last run of a drain has ended. */
export interface LeaveDataCenter {
  readonly kind: 'leaveDataCenter';
  readonly id: string;
}

export interface CordonNode {
  readonly kind: 'cordonNode';
  readonly dataCenter: string;
  readonly node: string;
  readonly cordoned: boolean;
}

export interface DrainNode {
  readonly kind: 'drainNode';
  readonly dataCenter: string;
  readonly node: string;
}

/** One job to submit, parsed, checked and encoded at the edge. */
export interface SubmitItem {
  readonly id: string;
  readonly jobSet: string;
  /** What the scheduler reads; `number` and `tenant` are filled in by decide. */
  readonly jobClass: Omit<JobClass, 'number' | 'tenant'>;
  /** Equal for equal classes; see class-key.ts. */
  readonly classKey: string;
  readonly specDigest: Uint8Array;
  /** Empty: the id serves as idempotency key. */
  readonly keyDigest: Uint8Array;
  readonly expectedRunMs: number;
  readonly held: boolean;
  readonly after: readonly { readonly job: string; readonly any: boolean }[];
  /** Canonical isobar.v1.JobSpec. Nothing in the core reads it: it goes to a table of its own with the record. */
  readonly spec: Uint8Array;
  /** Sorted `key=value` lines; likewise. */
  readonly labels: string;
}

export interface SubmitJobs {
  readonly kind: 'submitJobs';
  readonly tenant: string;
  readonly user: string;
  readonly items: readonly SubmitItem[];
  readonly allOrNothing: boolean;
}

export type SubmitAnswer =
  | { readonly kind: 'submitted'; readonly uid: number; readonly existed: boolean }
  | Refusal;

interface JobSelector {
  readonly tenant: string;
  /** Ids; empty: all jobs of the set. */
  readonly ids: readonly string[];
  readonly jobSet: string;
}

export interface ChangeJobs {
  readonly kind: 'changeJobs';
  readonly verb: 'cancel' | 'hold' | 'release' | 'requeue' | 'reprioritize';
  readonly selector: JobSelector;
  /** With `reprioritize`. */
  readonly priority: number;
  /** With `cancel`: what its author says, kept with the jobs. */
  readonly message?: string;
}

export interface ChangeAnswer {
  readonly changed: readonly string[];
  readonly refused: readonly { readonly id: string; readonly code: string }[];
}

export interface ForgetRun {
  readonly kind: 'forgetRun';
  readonly tenant: string;
  readonly job: string;
  readonly index: number;
  readonly epoch: number;
}

/** One decision of the scheduler. */
export interface Placement {
  readonly uid: number;
  readonly parts: readonly RunPart[];
  readonly decision: string;
}

export interface Place {
  readonly kind: 'place';
  readonly placements: readonly Placement[];
}

/** What became of each placement: stale ones are dropped, the job stays queued. */
export interface PlaceAnswer {
  readonly dropped: number;
}

export interface RunKey {
  readonly uid: number;
  readonly index: number;
  readonly epoch: number;
}

/** What an agent says of one run. */
export interface RunReport extends RunKey {
  readonly phase: RunState;
  /** When it reached the phase, by the controller's reckoning. */
  readonly timeMs: number;
  readonly exitCode: number;
  readonly reason: ReasonEntity | undefined;
  readonly lastLines: readonly string[];
  /** How long its tasks have run by the agent's clock; 0: they never did. */
  readonly runMs: number;
}

/** An agent says hello with all that it has. */
export interface JoinDataCenter {
  readonly kind: 'joinDataCenter';
  readonly id: string;
  readonly executor: string;
  readonly placement: number;
  readonly offers: readonly string[];
  readonly nodes: readonly Node[];
  readonly runs: readonly RunReport[];
}

export interface JoinAnswer {
  readonly adopt: readonly RunKey[];
  readonly stop: readonly RunKey[];
  readonly forget: readonly RunKey[];
  /** Runs that the agent must get again: it never had them. */
  readonly send: readonly RunKey[];
}

export interface ReportRuns {
  readonly kind: 'reportRuns';
  readonly dataCenter: string;
  readonly runs: readonly RunReport[];
}

export interface ReportAnswer {
  readonly stop: readonly RunKey[];
  readonly forget: readonly RunKey[];
}

export interface ReportNodes {
  readonly kind: 'reportNodes';
  readonly dataCenter: string;
  readonly nodes: readonly Node[];
  readonly removed: readonly string[];
}

export interface ExpireLease {
  readonly kind: 'expireLease';
  readonly dataCenter: string;
}

/** What was kept of ended jobs for idempotency is forgotten. */
export interface ForgetJobs {
  readonly kind: 'forgetJobs';
  readonly uids: readonly number[];
}

/** Each command with the type of its answer. */
interface Commands {
  foundFederation: [FoundFederation, undefined];
  putTenant: [Put<'putTenant', Tenant>, undefined];
  deleteTenant: [Delete<'deleteTenant'>, undefined];
  inviteUser: [InviteUser, undefined];
  revokeUser: [RevokeUser, undefined];
  createToken: [CreateToken, undefined];
  useToken: [UseToken, { readonly identity: string }];
  noteCertificate: [NoteCertificate, undefined];
  putDataCenter: [Put<'putDataCenter', DataCenter>, undefined];
  deleteDataCenter: [Delete<'deleteDataCenter'>, undefined];
  moveDataCenter: [MoveDataCenter, DrainAnswer];
  leaveDataCenter: [LeaveDataCenter, undefined];
  cordonNode: [CordonNode, undefined];
  drainNode: [DrainNode, DrainAnswer];
  putLink: [Put<'putLink', Link>, undefined];
  deleteLink: [Delete<'deleteLink'>, undefined];
  submitJobs: [SubmitJobs, readonly SubmitAnswer[]];
  changeJobs: [ChangeJobs, ChangeAnswer];
  forgetRun: [ForgetRun, undefined];
  place: [Place, PlaceAnswer];
  joinDataCenter: [JoinDataCenter, JoinAnswer];
  reportRuns: [ReportRuns, ReportAnswer];
  reportNodes: [ReportNodes, undefined];
  expireLease: [ExpireLease, { readonly replacedRuns: number }];
  forgetJobs: [ForgetJobs, undefined];
}

export type CommandKind = keyof Commands;
export type Command = Commands[CommandKind][0];
export type CommandOf<K extends CommandKind> = Commands[K][0];
export type AnswerOf<K extends CommandKind> = Commands[K][1];

export function accept<A>(events: readonly Event[], answer: A): Accepted<A> {
  return { kind: 'accepted', events, answer };
}

/** A reason as the log holds it. */
export function toReasonEntity(reason: Reason): ReasonEntity {
  return { ...reason, message: '' };
}
