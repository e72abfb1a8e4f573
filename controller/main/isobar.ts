// The isobar command with the verbs that run processes. It returns the exit code and leaves ending the process to the launcher.
import { runCli } from '#cli/cli.ts';
import { PROCESS_VERBS } from './verbs/verbs.ts';

export function main(args: readonly string[]): Promise<number> {
  return runCli(args, { extraVerbs: PROCESS_VERBS });
}
