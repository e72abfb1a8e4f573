// What readers are shown of a job once nothing else knows it any more: its row in the archive, and what the log says of its end.
import type { JobChanged, RunChanged } from '#gen/isobar/log/v1/event.ts';
import { Job as JobView } from '#gen/isobar/v1/job.ts';
import type { EndedJob } from '#ports/log.ts';
import type { ModelJob } from './model.ts';
import { check } from './violation.ts';

/** A job that has ended, with the end of its run when that is what ended it. */
export interface End {
  readonly job: ModelJob;
  readonly event: JobChanged;
  readonly run: RunChanged | undefined;
}

export class Archive {
  /** How jobs ended, by uid; forgotten ones too. */
  readonly ended = new Map<number, { readonly name: string; readonly state: number }>();

  /** What came with a group of records: one row for each job that ended in them. */
  take(ends: readonly End[], archived: readonly EndedJob[]): void {
    const rows = new Map(archived.map((row) => [row.uid, row]));
    check(
      archived.length === ends.length,
      'archive',
      () => `${ends.length} jobs ended, ${archived.length} rows were archived`,
    );
    for (const end of ends) this.#one(end, rows.get(end.job.uid));
  }

  #one({ job, event, run }: End, row: EndedJob | undefined): void {
    const { uid, id, tenant } = job;
    check(row !== undefined, 'archive', () => `job ${id} ended and was not archived`);
    check(!this.ended.has(uid), 'archive', () => `job ${id} was archived twice`);
    this.ended.set(uid, { name: `${tenant}/${id}`, state: event.state });
    const view = JobView.decode(row.body);
    const isRight =
      row.state === event.state &&
      view.state === event.state &&
      view.uid === uid &&
      view.name === `tenants/${tenant}/jobs/${id}` &&
      view.exitCode === event.exitCode &&
      (view.reason?.code ?? '') === (event.reason?.code ?? '') &&
      view.run?.epoch === run?.epoch &&
      view.run?.state === run?.state;
    check(isRight, 'archive', () => `job ${id} was archived as ${JSON.stringify(view)}`);
  }
}
