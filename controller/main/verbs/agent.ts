// isobar agent
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { EXIT, Failure } from '#cli/exit.ts';
import { type Act, examples } from '#cli/verb.ts';
import { agentSchema, loadAgentConfig } from '../config.ts';
import { addFlags, configured, type ConfigFlags } from './configuration.ts';
import { untilEnded } from './process.ts';

const HELP = {
  data_dir: 'identity, runs and logs of this data center; a local disk. Default .isobar/agent',
  controllers: 'host:port of the controllers, with commas',
  enrolment: 'host:port of their enrolment, until there is an identity',
  token_file: 'file with an enrolment token; else the environment variable ISOBAR_TOKEN',
  'executor.kind': 'local or simulated. Default local',
  site: 'file that says what the owner of this data center allows to run',
  demo: '?no site file needed: everything may run',
  nodes: 'YAML file with the labels and devices of this machine, or made-up slices of it',
  secrets_dir: 'directory with NAME/KEY for each secret',
  'log.format': 'json or text; default text on a terminal',
  'log.level': 'info, warn or error',
};

export function configure(command: Command, act: Act): void {
  addFlags(command, agentSchema, HELP).action(
    act<ConfigFlags>(async (session, _args, flags) => {
      const config = await configured(session, agentSchema, loadAgentConfig, flags);
      if (config === undefined) return undefined;
      const { makeLogger } = await import('../logger.ts');
      const { startAgent } = await import('../agent.ts');
      const { sayReady } = await import('../ready.ts');
      const { kind } = config.executor;
      if (kind !== 'local' && kind !== 'simulated') {
        throw new Failure(
          `this release has no executor ${kind}; it has local and simulated`,
          EXIT.USAGE,
        );
      }
      const path = (file: string | undefined): string | undefined =>
        file === undefined ? undefined : resolve(session.io.cwd, file);
      const telemetry = makeLogger({ process: 'agent', ...config.log });
      return untilEnded(session, async (onFatal) => {
        const running = await startAgent(
          {
            dataDir: resolve(session.io.cwd, config.dataDir),
            controllers: config.controllers,
            enrolment: config.enrolment,
            tokenFile: path(config.tokenFile),
            executor: kind,
            siteFile: path(config.site),
            demo: config.demo,
            nodesFile: path(config.nodes),
            secretsDir: path(config.secretsDir),
            onFatal: (why) => onFatal(new Failure(why, EXIT.REFUSED)),
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
    'isobar agent --controllers isobar.example.vn:7420 --enrolment isobar.example.vn:7421 --token-file token --site site.yaml',
  );
}
