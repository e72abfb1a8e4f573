// The isobar command with the verbs that run processes. It returns the exit code and leaves ending the process to the launcher.
import { runCli } from '#cli/cli.ts';
import { PROCESS_VERBS } from './verbs/verbs.ts';

export async function main(args: readonly string[]): Promise<number> {
  // Loaded for the one verb that wants it: every other one starts faster without.
  const extraChecks = args.includes('doctor') ? (await import('./checks.ts')).PROCESS_CHECKS : [];
  return runCli(args, { extraVerbs: PROCESS_VERBS, extraChecks });
}
