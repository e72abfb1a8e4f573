// isobar replay
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { DURATION_RULE, parseDuration } from '#client/quantities.ts';
import { EXIT, Failure, UsageError } from '#cli/exit.ts';
import type { Session } from '#cli/session.ts';
import { type Act, examples } from '#cli/verb.ts';
import type { Workload, WorkloadOptions } from '#simulation/replay/workload.ts';

/** As written: what is wrong is told together. */
interface ReplayFlags {
  readonly factor?: string;
  readonly slots?: string;
  readonly homeOnly?: boolean;
  readonly jobs?: string;
  readonly from?: string;
  readonly for?: string;
  readonly reportDelay?: string;
  readonly live?: boolean;
  readonly speed?: string;
}

const DEFAULT_SPEED = 60;
/** How long a live window takes if nobody says, at any speed. */
const LIVE_SECONDS = 60;

export function configure(command: Command, act: Act): void {
  command
    .argument('<trace>', 'file in the Standard Workload Format, plain or compressed with gzip')
    .option(
      '--factor <number>',
      'CPUs in all, as a multiple of what the busiest hour needs; default 1.02',
    )
    .option('--slots <number>', 'CPUs in all, instead')
    .option('--home-only', 'no job leaves the site of its user')
    .option('--jobs <number>', 'only the first so many')
    .option(
      '--from <duration>',
      'a window that begins so far into the trace; jobs that would be running then, had none waited, are started first. Default, with --for or --live, the hour from which on most CPUs are wanted',
    )
    .option(
      '--for <duration>',
      'a window so long, in time of the trace; default until its end, or with --live what takes a minute',
    )
    .option(
      '--report-delay <seconds>',
      'what agents say of their runs is this old; not with --live. Default 0',
    )
    .option(
      '--live',
      'play a window through a controller and agents of its own, over gRPC, and compare with the virtual clock',
    )
    .option(
      '--speed <number>',
      `how many times as fast as it was, with --live: what the processes take counts for so much more. Default ${DEFAULT_SPEED}`,
    )
    .action(
      act<ReplayFlags>(async (session, [trace = ''], flags) => {
        const { speed, ...options } = optionsOf(flags, resolve(session.io.cwd, trace));
        const workload = await read(session, options);
        if (flags.live === true) {
          const { replayLive } = await import('../replay/live.ts');
          return replayLive(session, workload, speed);
        }
        const { replayRead } = await import('#simulation/replay/replay.ts');
        const beginMs = session.io.now();
        const lines: string[] = [];
        replayRead(workload, options, (line) => lines.push(line));
        for (const line of lines) await session.print(line);
        const seconds = (session.io.now() - beginMs) / 1000;
        await session.note(`replayed in ${seconds.toFixed(1)} s`);
      }),
    );
  examples(
    command,
    'isobar replay LCG.swf.gz',
    'isobar replay LCG.swf.gz --home-only',
    'isobar replay LCG.swf.gz --factor 0.85 --report-delay 30',
    'isobar replay LCG.swf.gz --live --speed 600 --from 5d --for 10h',
  );
}

async function read(session: Session, options: WorkloadOptions): Promise<Workload> {
  const { readWorkload, ChoiceError } = await import('#simulation/replay/workload.ts');
  const lines: string[] = [];
  try {
    const workload = await readWorkload(options, (line) => lines.push(line));
    for (const line of lines) await session.print(line);
    return workload;
  } catch (error) {
    // What the operating system says of a file tells its own exit code.
    if (!(error instanceof Error) || 'syscall' in error) throw error;
    if (error instanceof ChoiceError) throw new UsageError(error.message);
    throw new Failure(error.message, EXIT.BAD_FILE);
  }
}

interface Options extends WorkloadOptions {
  readonly reportDelaySeconds?: number;
  readonly speed: number;
}

/** Every flag that is wrong, or does not go with another, is told at once. */
function optionsOf(flags: ReplayFlags, file: string): Options {
  const wrong: string[] = [];
  const parsed = <T>(flag: string, text: string | undefined, rule: Rule<T>): T | undefined => {
    if (text === undefined) return undefined;
    const value = rule.parse(text);
    if (value === undefined) wrong.push(`--${flag} ${text}: expected ${rule.words}`);
    return value;
  };
  const isLive = flags.live === true;
  const speed = parsed('speed', flags.speed, ABOVE_ZERO) ?? DEFAULT_SPEED;
  const options = {
    factor: parsed('factor', flags.factor, ABOVE_ZERO),
    slots: parsed('slots', flags.slots, FROM_ONE),
    jobs: parsed('jobs', flags.jobs, FROM_ONE),
    fromSeconds: parsed('from', flags.from, SECONDS),
    forSeconds: parsed('for', flags.for, A_SECOND) ?? (isLive ? LIVE_SECONDS * speed : undefined),
    reportDelaySeconds: parsed('report-delay', flags.reportDelay, FROM_ZERO),
  };
  if (flags.factor !== undefined && flags.slots !== undefined)
    wrong.push('--factor with --slots: both say how many CPUs there are; give one of them');
  if (!isLive && flags.speed !== undefined)
    wrong.push('--speed without --live: the virtual clock goes as fast as it can; add --live');
  if (isLive && flags.reportDelay !== undefined)
    wrong.push(
      '--report-delay with --live: real agents report when they do; leave one of them out',
    );
  if (wrong.length > 0) {
    const count = wrong.length === 1 ? 'an option is' : `${wrong.length} options are`;
    throw new UsageError(`${count} wrong\n${wrong.join('\n')}`);
  }
  return { ...given(options), file, homeOnly: flags.homeOnly ?? false, speed };
}

interface Rule<T> {
  readonly words: string;
  parse(text: string): T | undefined;
}

function numberRule(words: string, holds: (value: number) => boolean): Rule<number> {
  return {
    words,
    parse: (text) => (text.trim() !== '' && holds(Number(text)) ? Number(text) : undefined),
  };
}

const ABOVE_ZERO = numberRule('a number above 0', (value) => value > 0 && value < Infinity);
const FROM_ZERO = numberRule('a number from 0', (value) => value >= 0 && value < Infinity);
const FROM_ONE = numberRule(
  'a whole number from 1',
  (value) => Number.isInteger(value) && value >= 1,
);

function durationRule(least: number): Rule<number> {
  return {
    words: least === 0 ? DURATION_RULE : `${DURATION_RULE}, from ${least} s`,
    parse(text) {
      const ms = parseDuration(text);
      return ms === undefined || ms < least * 1000 ? undefined : Math.round(ms / 1000);
    },
  };
}

const SECONDS = durationRule(0);
const A_SECOND = durationRule(1);

/** Without what was not given. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  // The same keys, or fewer.
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
