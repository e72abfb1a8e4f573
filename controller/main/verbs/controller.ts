// isobar controller
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Act, examples } from '#cli/verb.ts';
import { untilEnded } from './process.ts';

interface ControllerFlags {
  readonly dataDir: string;
  readonly api: string;
  readonly enrolment: string;
  readonly metrics: string;
  readonly name?: readonly string[];
  readonly logFormat?: 'json' | 'text';
}

/** What was taken is answered within this; see the limits of the server. */
const STOP_MS = 5_000;

export function configure(command: Command, act: Act): void {
  command
    .option('--data-dir <dir>', 'the log and the authority; a local disk', '.isobar/controller')
    .option('--api <address>', 'host:port of the API, mutual TLS', '127.0.0.1:7420')
    .option(
      '--enrolment <address>',
      'host:port where agents and people get their first certificate',
      '127.0.0.1:7421',
    )
    .option(
      '--metrics <address>',
      'host:port of /metrics, /healthz and /readyz, plain on loopback',
      '127.0.0.1:7422',
    )
    .option('--name <names...>', 'further DNS names and addresses in its certificate')
    .option('--log-format <format>', 'json or text; default text on a terminal')
    .action(
      act<ControllerFlags>(async (session, _args, flags) => {
        const { makeLogger } = await import('../logger.ts');
        const { startController } = await import('../controller.ts');
        const { sayReady } = await import('../ready.ts');
        const telemetry = makeLogger({ process: 'controller', format: flags.logFormat });
        return untilEnded(session, async (onFatal) => {
          const running = await startController(
            {
              dataDir: resolve(session.io.cwd, flags.dataDir),
              apiAddress: flags.api,
              enrolmentAddress: flags.enrolment,
              metricsAddress: flags.metrics,
              names: ['localhost', '127.0.0.1', '::1', ...(flags.name ?? [])],
              onFatal,
            },
            telemetry,
          );
          const { apiAddress: api, enrolmentAddress: enrolment, metricsAddress: metrics } = running;
          telemetry.info('the controller is ready', { api, enrolment, metrics });
          sayReady({
            addresses: { api, enrolment, metrics },
            files: { operatorToken: running.operatorTokenFile },
          });
          return () => running.stop(STOP_MS);
        });
      }),
    );
  examples(
    command,
    'isobar controller --data-dir /var/lib/isobar --api 0.0.0.0:7420 --name isobar.example.vn',
  );
}
