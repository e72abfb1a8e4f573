// Jobs as tables and in full.
import { parseName } from '#domain/names.ts';
import { wordOf } from '#client/enums.ts';
import { idOf } from '#client/names.ts';
import {
  Classification,
  type Constraints,
  DependencyCondition,
  Event,
  Job,
  type JobSpec,
  type JobState,
  type TaskGroup,
  UnreachablePolicy,
} from '#client/types.ts';
import type { Isobar } from '#client/isobar.ts';
import type { KindView, Selection } from '../kind.ts';
import { type Fact, facts, type SectionText, tableSection } from '../sections.ts';
import type { Session } from '../session.ts';
import type { Column } from '../table.ts';
import { cpus, mib, timestamp } from '../units.ts';
import {
  ageText,
  amountText,
  durationText,
  jobState,
  labelText,
  placesOf,
  reasonText,
  spanText,
  stateCell,
  toneOf,
} from '../words.ts';
import { eventColumns, fromOldest } from './events.ts';
import { runSections } from './runs.ts';

export const jobs: KindView<Job> = {
  selects: ['allTenants', 'labels', 'set', 'states', 'user'],
  codec: Job,
  name: ({ name }) => name,
  columns,
  tableLimit: 500,
  async *list(client, session, selection, wide) {
    const tenant = selection.allTenants === true ? '-' : await session.tenant();
    const pages = client.jobs.list({
      tenant,
      set: selection.set,
      states: selection.states?.map((word) => word.toUpperCase() as keyof typeof JobState), // checked by get
      labels: selection.labels,
      user: selection.user,
      includeSpec: wide,
      signal: session.signal,
    });
    yield* pages.pages();
  },
  get: (client, { signal }, name) => client.jobs.get(name, { signal }),
  async *changes(client, session, { allTenants, set }, fromRevision) {
    const tenant = allTenants === true ? '-' : await session.tenant();
    const { signal } = session;
    for await (const { events } of client.events.watchResponses({
      tenant,
      set,
      fromRevision,
      signal,
    })) {
      const names = events.flatMap(
        ({ resource }) => /^tenants\/[^/]+\/jobs\/[^/]+/.exec(resource) ?? [],
      );
      if (names.length > 0) yield [...new Set(names)];
    }
  },
  async describe(client, session, job) {
    return jobSections(job, await history(client, session, job), session.io.now());
  },
};

function columns(now: number, { allTenants }: Selection): Column<Job>[] {
  const tenantOf = ({ name }: Job): string => parseName('tenants/*/jobs/*', name)?.[0] ?? '';
  return [
    ...(allTenants === true ? [{ title: 'TENANT', cell: tenantOf }] : []),
    { title: 'NAME', cell: ({ name }) => idOf(name) },
    { title: 'STATE', cell: ({ state }) => stateCell(jobState(state)) },
    { title: 'WHERE', cell: ({ run }) => placesOf(run) },
    { title: 'RUNS', right: true, cell: ({ epoch }) => epoch },
    {
      title: 'TIME',
      right: true,
      restless: true,
      cell: ({ startTime, endTime }) => spanText(startTime, endTime, now),
    },
    {
      title: 'AGE',
      right: true,
      restless: true,
      cell: ({ createTime }) => ageText(createTime, now),
    },
    { title: 'SET', wide: true, cell: ({ jobSet }) => jobSet },
    { title: 'PRIORITY', right: true, wide: true, cell: ({ priority }) => priority },
    { title: 'TASKS', right: true, wide: true, cell: ({ spec }) => sum(spec, () => 1) },
    {
      title: 'CPU',
      right: true,
      wide: true,
      cell: ({ spec }) => cpus(sum(spec, (group) => group.resources?.cpuMillis ?? 0)),
    },
    {
      title: 'MEMORY',
      right: true,
      wide: true,
      cell: ({ spec }) => mib(sum(spec, (group) => group.resources?.memoryMib ?? 0)),
    },
    {
      title: 'EXIT',
      right: true,
      wide: true,
      cell: ({ endTime, exitCode }) => (endTime === undefined ? '' : exitCode),
    },
    { title: 'USER', wide: true, cell: ({ user }) => idOf(user) },
    { title: 'LABELS', wide: true, cell: ({ labels }) => labelText(labels) },
    { title: 'REASON', shrinks: 'end', cell: ({ reason }) => reasonText(reason) },
  ];
}

/** Over all tasks. */
function sum(spec: JobSpec | undefined, ofOne: (group: TaskGroup) => number): number {
  let total = 0;
  for (const group of spec?.groups ?? []) total += (group.replicas || 1) * ofOne(group);
  return total;
}

/** How far back the history of a job is read: the controller reads this much of its log for it. */
const HISTORY = 20_000;

/** Runs that ended are kept in the log only, so the events are the history. Without them the rest is worth showing. */
async function history(client: Isobar, session: Session, job: Job): Promise<Event[] | undefined> {
  const from = Math.max(1, job.revision - HISTORY);
  try {
    return await fromOldest(
      (fromRevision) =>
        client.jobs.watch(job.name, { fromRevision, untilCurrent: true, signal: session.signal }),
      from,
    );
  } catch (error) {
    if (session.signal.aborted) throw error;
    return undefined;
  }
}

function jobSections(job: Job, past: readonly Event[] | undefined, now: number): SectionText[] {
  const { spec, run } = job;
  return [
    facts(jobFacts(job, now)),
    ...(spec?.groups ?? []).map(groupSection),
    facts(whereFacts(spec?.constraints), 'Where it may run'),
    ...(run === undefined ? [] : runSections(run, now, 'Newest run')),
    past === undefined
      ? { kind: 'lines', title: 'History', lines: ['could not be read'] }
      : tableSection(
          'History',
          eventColumns(now)
            .filter(({ title, wide }) => wide !== true && title !== 'REVISION')
            .map((column) =>
              column.title === 'RESOURCE'
                ? {
                    title: 'RUN',
                    cell: ({ epoch }: Event) => (epoch === 0 ? '' : epoch),
                    right: true,
                  }
                : column,
            ),
          past,
        ),
  ];
}

function jobFacts(job: Job, now: number): Fact[] {
  const [tenant, id] = parseName('tenants/*/jobs/*', job.name) ?? ['', job.name];
  const { spec } = job;
  const state = jobState(job.state);
  const after = (spec?.after ?? []).map(({ job: other, condition }) =>
    condition === DependencyCondition.ENDED ? `${other} (ended in any way)` : other,
  );
  return [
    ['Name', id],
    ['Tenant', tenant],
    ['Uid', job.uid],
    ['User', idOf(job.user)],
    ['Set', job.jobSet],
    ['Labels', labelText(job.labels)],
    ['State', state, toneOf(state)],
    ['Reason', reasonText(job.reason)],
    ['Priority', job.priority],
    ['Exit code', job.endTime === undefined ? '' : job.exitCode],
    ['Runs', job.epoch],
    [
      'Accepted',
      job.createTime && `${timestamp(job.createTime)} (${ageText(job.createTime, now)} ago)`,
    ],
    ['Started', job.startTime && timestamp(job.startTime)],
    ['Ended', job.endTime && timestamp(job.endTime)],
    ['Expected to run', durationText(spec?.expectedRunTime)],
    ['Runs at most', durationText(spec?.maxRunTime)],
    ['Attempts', retryText(spec)],
    ['After', after.join(', ')],
    ['Classification', wordOf(Classification, spec?.classification ?? 0)],
    ['When unreachable', wordOf(UnreachablePolicy, spec?.unreachable ?? 0) || 'replace'],
  ];
}

function retryText(spec: JobSpec | undefined): string {
  const { maxAttempts = 0, exitCodes = [] } = spec?.retry ?? {};
  if (maxAttempts <= 1) return '1';
  const codes = exitCodes.length === 0 ? '' : `, after exit codes ${exitCodes.join(', ')}`;
  return `up to ${maxAttempts}${codes}`;
}

function groupSection(group: TaskGroup): SectionText {
  return facts(
    [
      ['Tasks', group.replicas || 1],
      ['Each needs', amountText(group.resources)],
      ['Command', [...group.command, ...group.args].map(quoted).join(' ')],
      ['Image', group.image],
      [
        'Environment',
        group.env
          .map(({ name, source }) =>
            source?.$case === 'secret' ? `${name} (secret)` : `${name}=${source?.value ?? ''}`,
          )
          .join(', '),
      ],
      ['Files', group.files.map(({ path }) => path).join(', ')],
    ],
    `Group ${group.name || 'main'}`,
  );
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function whereFacts(where: Constraints | undefined): Fact[] {
  if (where === undefined) return [];
  return [
    ['Data centers', where.dataCenters.join(', ')],
    ['Not in', where.notDataCenters.join(', ')],
    ['Regions', where.regions.join(', ')],
    ['Classes', where.classes.map((word) => word.toLowerCase()).join(', ')],
    ['Must offer', where.offers.join(', ')],
    ['Labels', labelText(where.dataCenterLabels)],
    ['Node labels', labelText(where.nodeLabels)],
    ['Node roles', where.nodeRoles.join(', ')],
  ];
}
