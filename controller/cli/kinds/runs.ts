// Live runs as tables and in full.
import { parseName } from '#domain/names.ts';
import { runNameOf } from '#client/names.ts';
import { Run } from '#client/types.ts';
import type { KindView, Selection } from '../kind.ts';
import { facts, type SectionText, tableSection } from '../sections.ts';
import type { Column } from '../table.ts';
import { timestamp } from '../units.ts';
import { placesOf, reasonText, runState, spanText, stateCell } from '../words.ts';

export const runs: KindView<Run> = {
  selects: ['allTenants', 'dataCenter'],
  codec: Run,
  name: ({ name }) => name,
  columns,
  async *list(client, session, { allTenants, dataCenter }) {
    const tenant = allTenants === true ? '-' : (await session.tenant()) || '-';
    yield* client.runs.list({ tenant, dataCenter, signal: session.signal }).pages();
  },
  matches: ({ name }, wanted) => {
    const [tenant = '', job = ''] = parseName('tenants/*/jobs/*/runs/*', name) ?? [];
    if (wanted === job || wanted === `${tenant}/${job}`) return true; // its live run
    return wanted.includes('/') && runNameOf(wanted, tenant) === name;
  },
  describe: async (_client, { io }, run) => runSections(run, io.now()),
};

function columns(now: number, { allTenants }: Selection): Column<Run>[] {
  const short = ({ name }: Run): string => {
    const [tenant, job, run] = parseName('tenants/*/jobs/*/runs/*', name) ?? [];
    if (job === undefined) return name;
    return allTenants === true ? `${tenant}/${job}/${run}` : `${job}/${run}`;
  };
  return [
    { title: 'NAME', cell: short },
    { title: 'STATE', cell: ({ state }) => stateCell(runState(state)) },
    { title: 'WHERE', cell: placesOf },
    { title: 'NODES', cell: nodesOf },
    { title: 'TASKS', right: true, cell: tasksOf },
    {
      title: 'TIME',
      right: true,
      restless: true,
      cell: ({ startTime, endTime }) => spanText(startTime, endTime, now),
    },
    { title: 'REASON', shrinks: 'end', cell: ({ reason }) => reasonText(reason) },
    { title: 'DECISION', wide: true, cell: ({ decision }) => decision },
  ];
}

/** The first nodes; a gang of hundreds is a number. */
function nodesOf({ parts }: Run): string {
  const all = [...new Set(parts.flatMap((part) => part.allocations.map(({ node }) => node)))];
  return all.length <= 2 ? all.join(',') : `${all[0]},+${all.length - 1}`;
}

function tasksOf({ parts }: Run): number {
  return parts.flatMap((part) => part.allocations).reduce((sum, { tasks }) => sum + tasks, 0);
}

/** Also for the newest run of a job. */
export function runSections(run: Run, now: number, title?: string): SectionText[] {
  const [, , id] = parseName('tenants/*/jobs/*/runs/*', run.name) ?? [];
  const rows = run.parts.flatMap((part) =>
    part.allocations.map((allocation) => ({ ...allocation, dataCenter: part.dataCenter })),
  );
  const state = runState(run.state);
  return [
    facts(
      [
        ['Run', id ?? run.name],
        ['State', state],
        ['Reason', reasonText(run.reason)],
        ['Reserved', run.reserveTime && timestamp(run.reserveTime)],
        ['Started', run.startTime && timestamp(run.startTime)],
        ['Ended', run.endTime && timestamp(run.endTime)],
        ['Ran for', spanText(run.startTime, run.endTime, now)],
        ['Exit code', run.endTime === undefined ? '' : run.exitCode],
        ['Decision', run.decision],
      ],
      title,
    ),
    tableSection(
      title === undefined ? 'Placement' : 'Its placement',
      [
        { title: 'DATA CENTER', cell: ({ dataCenter }) => dataCenter },
        { title: 'NODE', cell: ({ node }) => node },
        { title: 'GROUP', right: true, cell: ({ group }) => group },
        { title: 'TASKS', right: true, cell: ({ tasks }) => tasks },
        {
          title: 'DEVICES',
          cell: ({ devices }) =>
            devices
              .map(({ device, thousandths }) =>
                thousandths === 1000 ? String(device) : `${device} (${thousandths / 10}%)`,
              )
              .join(', '),
        },
      ],
      rows,
    ),
    { kind: 'lines', title: 'Last lines', lines: run.lastLines },
  ];
}
