// isobar why: what a job waits for, data center by data center, and what would change it.
import type { Command } from 'commander';
import { toApiJson } from '#client/json.ts';
import { idOf } from '#client/names.ts';
import { ExplainJobResponse, type Reason, type Verdict } from '#client/types.ts';
import { adviceFor } from './advice.ts';
import { type Format, outputOption, printValue } from './format.ts';
import { harmless } from './paint.ts';
import type { Session } from './session.ts';
import { type Cell, type Column, Table } from './table.ts';
import { type Act, examples } from './verb.ts';
import { ageText, jobState, placesOf, reasonText, toneOf } from './words.ts';

export function configure(command: Command, act: Act): void {
  outputOption(command.argument('<job>', 'id or name of the job'), [
    'table',
    'wide',
    'json',
    'yaml',
  ]).action(
    act<{ output: Format }>(async (session, [job = ''], { output }) => {
      const client = await session.client();
      const answer = await client.jobs.why(job, { signal: session.signal });
      if (output === 'json' || output === 'yaml') {
        await printValue(session, output, toApiJson(ExplainJobResponse, answer));
      } else {
        await session.print(explanation(session, answer, output === 'wide').join('\n'));
      }
    }),
  );
  examples(
    command,
    'isobar why train-7',
    'isobar why train-7 -o wide',
    'isobar why train-7 -o json',
  );
}

function explanation(session: Session, answer: ExplainJobResponse, wide: boolean): string[] {
  const { verdicts } = answer;
  const scored = verdicts.some(({ feasible }) => feasible);
  const table = new Table(columns(wide, scored), session.io.stdout, session.paint);
  return [
    ...head(session, answer),
    ...(verdicts.length === 0 ? [] : ['', ...table.lines(verdicts)]),
  ];
}

/** One line that says what it waits for, and one that says what would change it. */
function head(
  session: Session,
  { job, blocked, verdicts, jobsAhead }: ExplainJobResponse,
): string[] {
  if (job === undefined) return [];
  const state = jobState(job.state);
  // What has ended "succeeded"; what has not "is queued".
  const verb = job.endTime === undefined ? 'is ' : state === 'cancelled' ? 'was ' : '';
  const name = `${idOf(job.name)} ${verb}${session.paint(state, toneOf(state))}`;
  if (state !== 'queued' && state !== 'held') {
    const place = placesOf(job.run);
    const where = place === '' ? '' : ` in ${place}`;
    const why = reasonText(job.reason);
    const decision = job.run?.decision ?? '';
    return [
      `${name}${where}${why === '' ? '' : `: ${harmless(why)}`}`,
      ...(decision === '' ? [] : [`Chosen because: ${harmless(decision)}`]),
    ];
  }
  const since = ageText(job.createTime, session.io.now());
  const ahead =
    jobsAhead === 0
      ? ''
      : `${plural(jobsAhead, 'job')} of its tenant ${jobsAhead === 1 ? 'goes' : 'go'} first. `;
  const feasible = verdicts.filter((verdict) => verdict.feasible).length;
  const room =
    verdicts.length === 0
      ? ''
      : `It fits in ${feasible} of ${plural(verdicts.length, 'data center')}.`;
  const advice = adviceFor(blocked, verdicts);
  return [
    `${name} for ${since}: ${harmless(waitText(blocked, job.reason, verdicts))}`,
    ...(ahead + room === '' ? [] : [`${ahead}${room}`]),
    ...(advice === '' ? [] : [`${session.paint('What would change it:', 'strong')} ${advice}`]),
  ];
}

/** What more room would change. Where none of these stands in the way, waiting for it is in vain. */
const ROOM: readonly string[] = [
  'NO_CREDIT',
  'INSUFFICIENT',
  'INSUFFICIENT_DEVICE',
  'INSUFFICIENT_ON_ONE_NODE',
  'INSUFFICIENT_TOGETHER',
  'TOO_LARGE',
];

/** What the verdicts say now goes before the reason that was kept when the scheduler last looked. */
function waitText(
  blocked: Reason | undefined,
  kept: Reason | undefined,
  verdicts: readonly Verdict[],
): string {
  if (blocked !== undefined && blocked.code !== '') return reasonText(blocked);
  if (verdicts.length > 0 && verdicts.every(({ feasible }) => !feasible)) {
    const isOfRoom = verdicts.some(({ reason }) => ROOM.includes(reason?.code ?? ''));
    return isOfRoom ? 'no data center has room for it now' : 'no data center can take it as it is';
  }
  if (kept === undefined || kept.code === '' || kept.code === 'NO_DATA_CENTER') {
    return 'the scheduler has not come to it yet';
  }
  return reasonText(kept);
}

function columns(wide: boolean, scored: boolean): Column<Verdict>[] {
  return [
    { title: 'DATA CENTER', cell: ({ dataCenter }) => dataCenter },
    { title: 'FITS', cell: fits },
    ...(scored ? [SCORE] : []),
    ...(wide ? [{ title: 'CODE', cell: ({ reason }: Verdict) => codeOf(reason) }] : []),
    { title: 'WHY', ...(!wide && { shrinks: 'end' }), cell: because },
  ];
}

const SCORE: Column<Verdict> = {
  title: 'SCORE',
  right: true,
  cell: ({ feasible, score }) => (feasible ? score.toFixed(2) : ''),
};

function fits({ feasible }: Verdict): Cell {
  return feasible ? { text: 'yes', tone: 'good' } : { text: 'no', tone: 'bad' };
}

function because({ feasible, terms, reason }: Verdict): string {
  if (!feasible) return reasonText(reason);
  return terms.map(({ name, value }) => `${name} ${value.toFixed(2)}`).join(' + ');
}

function codeOf(reason: Reason | undefined): string {
  return reason?.code ?? '';
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
