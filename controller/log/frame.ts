// An append as it goes from the main thread to the writer: one buffer, transferred, not copied.
import type { AppendGroup } from '#ports/log.ts';
import { Packer, Unpacker } from './pack.ts';

/** Takes a group apart, in the order in which it is stored. Plain arguments: an object for each job would cost more. */
export interface GroupSink {
  begin(firstRevision: number): void;
  record(
    body: Uint8Array,
    timeMs: number,
    actor: string,
    method: string,
    requestId: string,
    tenant: string,
    resource: string,
    eventCount: number,
  ): void;
  submitted(
    uid: number,
    createMs: number,
    tenant: string,
    job: string,
    jobSet: string,
    user: string,
    labels: string,
    spec: Uint8Array,
  ): void;
  ended(uid: number, state: number, endMs: number, body: Uint8Array): void;
  deletedRow(kind: string, key: string): void;
  row(kind: string, key: string, revision: number, body: Uint8Array): void;
  checkpointComplete(revision: number): void;
}

const none = -1;

export function packGroup(group: AppendGroup): ArrayBuffer {
  const pack = new Packer();
  pack.number(group.firstRevision);
  pack.number(group.records.length);
  for (const { body, audit } of group.records) {
    pack.bytes(body);
    pack.number(audit.timeMs);
    pack.text(0, audit.actor);
    pack.text(1, audit.method);
    pack.text(2, audit.requestId);
    pack.text(3, audit.tenant);
    pack.text(4, audit.resource);
    pack.number(audit.eventCount);
  }
  pack.number(group.submitted.length);
  for (const job of group.submitted) {
    pack.number(job.uid);
    pack.number(job.createMs);
    pack.text(3, job.tenant);
    pack.text(5, job.job);
    pack.text(6, job.jobSet);
    pack.text(7, job.user);
    pack.text(8, job.labels);
    pack.bytes(job.spec);
  }
  pack.number(group.ended.length);
  for (const end of group.ended) {
    pack.number(end.uid);
    pack.number(end.state);
    pack.number(end.endMs);
    pack.bytes(end.body);
  }
  const { rows = [], deleted = [], completeFrom = none } = group.checkpoint ?? {};
  pack.number(deleted.length);
  for (const { kind, key } of deleted) {
    pack.text(9, kind);
    pack.text(10, key);
  }
  pack.number(rows.length);
  for (const row of rows) {
    pack.text(9, row.kind);
    pack.text(10, row.key);
    pack.number(row.revision);
    pack.bytes(row.body);
  }
  pack.number(completeFrom);
  return pack.finish();
}

export function unpackGroup(buffer: ArrayBuffer, sink: GroupSink): void {
  const from = new Unpacker(buffer);
  sink.begin(from.number());
  for (let left = from.number(); left > 0; left--) {
    sink.record(
      from.bytes(),
      from.number(),
      from.text(0),
      from.text(1),
      from.text(2),
      from.text(3),
      from.text(4),
      from.number(),
    );
  }
  for (let left = from.number(); left > 0; left--) {
    sink.submitted(
      from.number(),
      from.number(),
      from.text(3),
      from.text(5),
      from.text(6),
      from.text(7),
      from.text(8),
      from.bytes(),
    );
  }
  for (let left = from.number(); left > 0; left--) {
    sink.ended(from.number(), from.number(), from.number(), from.bytes());
  }
  for (let left = from.number(); left > 0; left--) sink.deletedRow(from.text(9), from.text(10));
  for (let left = from.number(); left > 0; left--) {
    sink.row(from.text(9), from.text(10), from.number(), from.bytes());
  }
  const completeFrom = from.number();
  if (completeFrom !== none) sink.checkpointComplete(completeFrom);
}
