// isobar demo
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '#cli/exit.ts';
import { type Act, examples } from '#cli/verb.ts';

interface DemoFlags {
  readonly dataDir?: string;
  readonly port?: number;
  readonly exit?: boolean;
  readonly keep?: boolean;
}

const PORT = 7420;
/** The highest that leaves room for the two after it. */
const HIGHEST_PORT = 65_533;

export function configure(command: Command, act: Act): void {
  command
    .option(
      '--data-dir <dir>',
      'where it keeps everything; default .isobar/demo. A second start goes on from there',
    )
    .option(
      '--port <port>',
      'of the API; enrolment and metrics take the two after it. What is taken is replaced. Default 7420',
      portOf,
    )
    .option('--exit', 'end when the census has ended, with 0 if every job succeeded')
    .option('--keep', 'leave the jobs of the demo running at the end')
    .action(
      act<DemoFlags>(
        async (session, _args, { dataDir, port = PORT, exit = false, keep = false }) => {
          const { runDemo } = await import('../demo/demo.ts');
          const folder = resolve(session.io.cwd, dataDir ?? join('.isobar', 'demo'));
          return runDemo(session, { dataDir: folder, port, exit, keep });
        },
      ),
    );
  examples(command, 'isobar demo', 'isobar demo --exit --data-dir /tmp/nation');
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port <= HIGHEST_PORT) return port;
  throw new UsageError(`--port ${text}: expected a number from 1 to ${HIGHEST_PORT}`);
}
