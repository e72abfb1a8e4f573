// What the demo shows at its end: who ran where and why, what is in use, and what to try next.
import { JobState, nameOf } from '#domain/states.ts';
import type { Output } from '#cli/io.ts';
import type { Session } from '#cli/session.ts';
import { Table } from '#cli/table.ts';
import { cpus, duration, mib, percent } from '#cli/units.ts';
import type { Isobar } from '#client/isobar.ts';
import type { Job } from '#client/types.ts';
import { shortName } from '#client/names.ts';

export async function report(session: Session, client: Isobar, set: string): Promise<void> {
  const jobs = await client.jobs.list({ set }).all();
  await print(
    session,
    'Who ran where, and why',
    new Table<Job>(
      [
        { title: 'JOB', cell: ({ name }) => idWithin(set, name) },
        { title: 'STATE', cell: ({ state }) => nameOf(JobState, state as JobState) },
        { title: 'DATA CENTER', cell: (job) => placeOf(job).dataCenter },
        { title: 'NODE', cell: (job) => placeOf(job).node },
        { title: 'WAITED', right: true, cell: (job) => spanOf(job.createTime, job.startTime) },
        { title: 'RAN', right: true, cell: (job) => spanOf(job.startTime, job.endTime) },
        { title: 'SCORE', shrinks: 'end', cell: (job) => job.run?.decision ?? '' },
      ],
      indented(session),
      session.paint,
    ).lines(jobs.toReversed()),
  );
  const members = await client.dataCenters.list().all();
  await print(
    session,
    'Capacity in use',
    new Table<(typeof members)[number]>(
      [
        { title: 'DATA CENTER', cell: ({ name }) => shortName(name) },
        { title: 'REGION', cell: ({ region }) => region },
        { title: 'NODES', right: true, cell: ({ nodeCount }) => nodeCount },
        { title: 'CPU', right: true, cell: ({ capacity }) => cpus(capacity?.cpuMillis ?? 0) },
        { title: 'MEMORY', right: true, cell: ({ capacity }) => mib(capacity?.memoryMib ?? 0) },
        {
          title: 'IN USE',
          right: true,
          cell: ({ allocated, capacity }) =>
            percent(allocated?.cpuMillis ?? 0, capacity?.cpuMillis ?? 0),
        },
      ],
      indented(session),
      session.paint,
    ).lines(members),
  );
}

async function print(session: Session, title: string, lines: readonly string[]): Promise<void> {
  await session.print();
  await session.print(session.paint(title, 'strong'));
  for (const line of lines) await session.print(`${INDENT}${line}`);
}

const INDENT = '  ';

/** What is left of a line behind the indent. */
function indented({ io: { stdout } }: Session): Output {
  return {
    write: (chunk) => stdout.write(chunk),
    isTerminal: stdout.isTerminal,
    columns: stdout.columns - INDENT.length,
  };
}

/** What tells it from the others of its set. */
function idWithin(set: string, name: string): string {
  const id = name.slice(name.lastIndexOf('/') + 1);
  return id.startsWith(`${set}-`) ? id.slice(set.length + 1) : id;
}

function placeOf(job: Job): { readonly dataCenter: string; readonly node: string } {
  const part = job.run?.parts[0];
  return { dataCenter: part?.dataCenter ?? '', node: part?.allocations[0]?.node ?? '' };
}

function spanOf(from: Date | undefined, to: Date | undefined): string {
  return from === undefined || to === undefined ? '' : duration(to.getTime() - from.getTime());
}
