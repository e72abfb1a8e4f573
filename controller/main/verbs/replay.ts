// isobar replay
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { EXIT, Failure, UsageError } from '#cli/exit.ts';
import { type Act, examples } from '#cli/verb.ts';

interface ReplayFlags {
  readonly factor?: string;
  readonly slots?: string;
  readonly homeOnly?: boolean;
  readonly reportDelay?: string;
  readonly jobs?: string;
}

export function configure(command: Command, act: Act): void {
  command
    .argument('<trace>', 'file in the Standard Workload Format, plain or compressed with gzip')
    .option(
      '--factor <number>',
      'CPUs in all, as a multiple of what the busiest hour needs; default 1.02',
    )
    .option('--slots <number>', 'CPUs in all, instead')
    .option('--home-only', 'no job leaves the site of its user')
    .option('--report-delay <seconds>', 'what agents say of their runs is this old; default 0')
    .option('--jobs <number>', 'only the first so many')
    .action(
      act<ReplayFlags>(async (session, [trace = ''], flags) => {
        const { replay } = await import('#simulation/replay/replay.ts');
        const lines: string[] = [];
        const options = {
          file: resolve(session.io.cwd, trace),
          homeOnly: flags.homeOnly ?? false,
          ...number('factor', flags.factor),
          ...number('slots', flags.slots),
          ...number('reportDelaySeconds', flags.reportDelay),
          ...number('jobs', flags.jobs),
        };
        const begin = session.io.now();
        try {
          await replay(options, (line) => lines.push(line));
        } catch (error) {
          throw new Failure(error instanceof Error ? error.message : String(error), EXIT.BAD_FILE);
        }
        for (const line of lines) await session.print(line);
        await session.note(`replayed in ${((session.io.now() - begin) / 1000).toFixed(1)} s`);
      }),
    );
  examples(
    command,
    'isobar replay LCG.swf.gz',
    'isobar replay LCG.swf.gz --home-only',
    'isobar replay LCG.swf.gz --factor 0.85 --report-delay 30',
  );
}

function number<K extends string>(name: K, text: string | undefined): Partial<Record<K, number>> {
  if (text === undefined) return {};
  const value = Number(text);
  if (!(value >= 0)) throw new UsageError(`${text} is no number that ${name} could be`);
  // One key, of the type that the computed name has.
  return { [name]: value } as Partial<Record<K, number>>;
}
