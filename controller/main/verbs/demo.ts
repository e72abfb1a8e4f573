// isobar demo
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { type Act, examples } from '#cli/verb.ts';

interface DemoFlags {
  readonly dataDir?: string;
  readonly exit?: boolean;
  readonly keep?: boolean;
}

export function configure(command: Command, act: Act): void {
  command
    .option(
      '--data-dir <dir>',
      'where it keeps everything; default .isobar/demo. A second start goes on from there',
    )
    .option('--exit', 'end when the census has ended, with 0 if every job succeeded')
    .option('--keep', 'leave the jobs of the demo running at the end')
    .action(
      act<DemoFlags>(async (session, _args, { dataDir, exit = false, keep = false }) => {
        const { runDemo } = await import('../demo/demo.ts');
        const folder = resolve(session.io.cwd, dataDir ?? join('.isobar', 'demo'));
        return runDemo(session, { dataDir: folder, exit, keep });
      }),
    );
  examples(command, 'isobar demo', 'isobar demo --exit --data-dir /tmp/nation');
}
