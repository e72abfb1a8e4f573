// isobar controller
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Act, examples } from '#cli/verb.ts';
import { controllerSchema, loadControllerConfig } from '../config.ts';
import { addFlags, configured, type ConfigFlags } from './configuration.ts';
import { untilEnded } from './process.ts';

const HELP = {
  data_dir: 'the log and the authority; a local disk. Default .isobar/controller',
  'listen.api': 'host:port of the API, mutual TLS. Default 127.0.0.1:7420',
  'listen.enrolment':
    'host:port where agents and people get their first certificate. Default 127.0.0.1:7421',
  'listen.metrics':
    'host:port of /metrics, /healthz and /readyz, plain on loopback. Default 127.0.0.1:7422',
  'listen.names': 'further DNS names and addresses in its certificate, with commas',
  'log.format': 'json or text; default text on a terminal',
  'log.level': 'info, warn or error',
};

export function configure(command: Command, act: Act): void {
  addFlags(command, controllerSchema, HELP).action(
    act<ConfigFlags>(async (session, _args, flags) => {
      const config = await configured(session, controllerSchema, loadControllerConfig, flags);
      if (config === undefined) return undefined;
      const { makeLogger } = await import('../logger.ts');
      const { startController } = await import('../controller.ts');
      const { sayReady } = await import('../ready.ts');
      const telemetry = makeLogger({ process: 'controller', ...config.log });
      return untilEnded(session, async (onFatal) => {
        const dataDir = resolve(session.io.cwd, config.dataDir);
        const running = await startController({ ...config, dataDir, onFatal }, telemetry);
        const { operatorTokenFile: operatorToken, ...addresses } = running.listens;
        // With what is needed next by who sets the federation up: the file for `isobar login --token-file`.
        telemetry.info('the controller is ready', { ...addresses, firstLogin: operatorToken });
        sayReady({ addresses, files: { operatorToken } });
        return () => running.stop();
      });
    }),
  );
  examples(
    command,
    'isobar controller --data-dir /var/lib/isobar --listen-api 0.0.0.0:7420 --listen-names isobar.example.vn',
    'isobar controller --config /etc/isobar/controller.yaml',
  );
}
