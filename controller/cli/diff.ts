// isobar diff: what apply would change.
import type { Command } from 'commander';
import { type ManifestOptions, manifestOption, readManifests } from './apply.ts';
import { EXIT } from './exit.ts';
import { planLines } from './plan-lines.ts';
import { planFor } from './resource-api.ts';
import { type Act, examples } from './verb.ts';

export function configure(command: Command, act: Act): void {
  manifestOption(command).action(
    act<ManifestOptions>(async (session, _, options) => {
      const manifests = await readManifests(session, options);
      const client = await session.client();
      let differs = false;
      for (const manifest of manifests) {
        const plan = await planFor(client, manifest, { signal: session.signal });
        if (plan.action === 'nothing') continue;
        differs = true;
        await session.print(planLines(plan, session.paint).join('\n'));
      }
      return differs ? EXIT.FAILED : EXIT.OK;
    }),
  );
  command.addHelpText('after', '\nExits with 1 when something differs.');
  examples(command, 'isobar diff -f tenants.yaml');
}
