// isobar agent
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import type { LocalNode } from '#agent/executors/local/nodes.ts';
import { UsageError } from '#cli/exit.ts';
import { type Act, examples } from '#cli/verb.ts';
import { untilEnded } from './process.ts';

interface AgentFlags {
  readonly dataDir: string;
  readonly controller: readonly string[];
  readonly enrolment?: readonly string[];
  readonly tokenFile?: string;
  readonly executor: string;
  readonly site?: string;
  readonly demo?: boolean;
  readonly nodes?: string;
  readonly secrets?: string;
  readonly logFormat?: 'json' | 'text';
}

export function configure(command: Command, act: Act): void {
  command
    .option(
      '--data-dir <dir>',
      'identity, runs and logs of this data center; a local disk',
      '.isobar/agent',
    )
    .requiredOption('--controller <addresses...>', 'host:port of the controllers')
    .option(
      '--enrolment <addresses...>',
      'host:port of their enrolment, until there is an identity',
    )
    .option(
      '--token-file <file>',
      'file with an enrolment token; else the environment variable ISOBAR_TOKEN',
    )
    .option('--executor <kind>', 'local or simulated', 'local')
    .option('--site <file>', 'what the owner of this data center allows to run')
    .option('--demo', 'no site file needed: everything may run')
    .option(
      '--nodes <file>',
      'JSON list of made-up slices of this machine; default the whole of it',
    )
    .option('--secrets <dir>', 'directory with NAME/KEY for each secret')
    .option('--log-format <format>', 'json or text; default text on a terminal')
    .action(
      act<AgentFlags>(async (session, _args, flags) => {
        const { makeLogger } = await import('../logger.ts');
        const { startAgent } = await import('../agent.ts');
        const { sayReady } = await import('../ready.ts');
        if (flags.executor !== 'local' && flags.executor !== 'simulated') {
          throw new UsageError(`--executor ${flags.executor}: expected local or simulated`);
        }
        const { executor } = flags;
        const telemetry = makeLogger({ process: 'agent', format: flags.logFormat });
        const path = (file: string | undefined) =>
          file === undefined ? undefined : resolve(session.io.cwd, file);
        return untilEnded(session, async (onFatal) => {
          const running = await startAgent(
            {
              dataDir: resolve(session.io.cwd, flags.dataDir),
              controllers: flags.controller,
              enrolment: flags.enrolment ?? [],
              tokenFile: path(flags.tokenFile),
              executor,
              siteFile: path(flags.site),
              demo: flags.demo ?? false,
              nodes:
                flags.nodes === undefined
                  ? undefined
                  : readNodes(resolve(session.io.cwd, flags.nodes)),
              secretsDir: path(flags.secrets),
              onFatal: (why) => onFatal(new Error(why)),
            },
            telemetry,
          );
          telemetry.info('the agent is ready', { dataCenter: running.dataCenter });
          sayReady({ addresses: {}, files: {} });
          // What runs goes on: the next agent adopts it, and the fence holds meanwhile.
          return () => running.stop({ stopRuns: false });
        });
      }),
    );
  examples(
    command,
    'isobar agent --controller isobar.example.vn:7420 --enrolment isobar.example.vn:7421 --token-file token --site site.yaml',
  );
}

const amount = z.int().min(0);
const nodesSchema = z.array(
  z.strictObject({
    node: z.string().min(1),
    role: z.enum(['general', 'storage', 'hpc', 'gpu']).default('general'),
    labels: z.record(z.string(), z.string()).default({}),
    cpuMillis: amount,
    memoryMib: amount,
    storageMib: amount.default(0),
    devices: z.array(z.strictObject({ model: z.string().min(1), memoryMib: amount })).default([]),
  }),
);

function readNodes(file: string): readonly LocalNode[] {
  const parsed = nodesSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new UsageError(`--nodes ${file}: ${z.prettifyError(parsed.error)}`);
}
