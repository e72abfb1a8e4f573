// isobar apply: tenants, data centers and links as a file says.
import type { Command } from 'commander';
import { errorText } from '#client/errors-text.ts';
import { UsageError, exitOf } from './exit.ts';
import { type Manifest, parseManifests } from './manifest.ts';
import { planFor } from './resource-api.ts';
import { harmless } from './paint.ts';
import { inputName, readInput, type Session } from './session.ts';
import { type Act, examples } from './verb.ts';

interface ApplyOptions extends ManifestOptions {
  readonly dryRun?: boolean;
}

export interface ManifestOptions {
  readonly file?: readonly string[];
}

export function manifestOption(command: Command): Command {
  return command.option(
    '-f, --file <file>',
    'YAML or JSON, as get -o yaml prints it; - is standard input; may be repeated',
    (text: string, before?: readonly string[]) => [...(before ?? []), text],
  );
}

export function configure(command: Command, act: Act): void {
  manifestOption(command)
    .option('--dry-run', 'let the controller check it, change nothing')
    .action(act<ApplyOptions>(apply));
  examples(
    command,
    'isobar apply -f tenants.yaml',
    'isobar apply -f tenants.yaml --dry-run',
    'isobar get tenants -o yaml | sed s/100/200/ | isobar apply -f -',
  );
}

async function apply(
  session: Session,
  _: readonly string[],
  options: ApplyOptions,
): Promise<number> {
  const manifests = await readManifests(session, options);
  const client = await session.client();
  const how = { validateOnly: options.dryRun, signal: session.signal };
  const would = options.dryRun === true ? 'would be ' : '';
  let exit = 0;
  for (const manifest of manifests) {
    const title = `${manifest.kind} ${manifest.id}`;
    // One that is refused does not keep the others from being applied; the first refusal is the exit code.
    try {
      const plan = await planFor(client, manifest, { signal: session.signal });
      if (plan.action !== 'nothing') await plan.carryOut(how);
      const words = { create: `${would}created`, update: `${would}changed`, nothing: 'unchanged' };
      await session.print(`${title} ${words[plan.action]}`);
    } catch (error) {
      if (session.signal.aborted || manifests.length === 1) throw error;
      const { message, details } = errorText(error);
      await session.note(`${title} refused: ${harmless(message)}`);
      for (const detail of details) await session.note(`  ${harmless(detail)}`);
      exit ||= exitOf(error);
    }
  }
  return exit;
}

export async function readManifests(
  session: Session,
  { file: files }: ManifestOptions,
): Promise<Manifest[]> {
  if (files === undefined) throw new UsageError('no file', 'name one with -f; - is standard input');
  const manifests: Manifest[] = [];
  for (const file of files) {
    manifests.push(...parseManifests(await readInput(session, file), inputName(file)));
  }
  return manifests;
}
