// isobar cordon, uncordon, drain: data centers, and nodes of them.
import type { Command } from 'commander';
import type { Isobar } from '#client/isobar.ts';
import type { WriteOptions } from '#client/connection.ts';
import { harmless } from './paint.ts';
import { UsageError } from './exit.ts';
import type { Session } from './session.ts';
import { type Act, examples, type VerbModule } from './verb.ts';

interface CordonOptions {
  readonly dryRun?: boolean;
}
type Word = 'cordon' | 'uncordon' | 'drain';

export function cordon(word: Word): VerbModule {
  return {
    configure(command: Command, act: Act): void {
      const what = word === 'drain' ? '<data-center...>' : '<name...>';
      command
        .argument(
          what,
          word === 'drain' ? 'ids of data centers' : 'data centers, or nodes as DATA_CENTER/NODE',
        )
        .option('--dry-run', 'tell what would happen, change nothing')
        .action(
          act<CordonOptions>(async (session, names, { dryRun: validateOnly }) => {
            const client = await session.client();
            for (const name of stripKind(names)) {
              const how = { validateOnly, signal: session.signal };
              if (word === 'drain') await drain(session, client, name, how);
              else await toggle(session, client, word, name, how);
            }
          }),
        );
      examples(command, ...EXAMPLES[word]);
    },
  };
}

const EXAMPLES: Readonly<Record<Word, readonly string[]>> = {
  cordon: ['isobar cordon north-1', 'isobar cordon north-1/n042'],
  uncordon: ['isobar uncordon north-1', 'isobar uncordon north-1/n042'],
  drain: ['isobar drain north-1 --dry-run', 'isobar drain north-1'],
};

/** `cordon dc north-1` reads like the other verbs, so it is understood. */
function stripKind(names: readonly string[]): readonly string[] {
  const [first = '', ...rest] = names;
  const isKind = ['dc', 'data-center', 'data-centers', 'no', 'node', 'nodes'].includes(first);
  if (!isKind) return names;
  if (rest.length === 0) throw new UsageError(`which ${first}?`, 'name at least one');
  return rest;
}

async function toggle(
  session: Session,
  client: Isobar,
  word: 'cordon' | 'uncordon',
  name: string,
  how: WriteOptions,
): Promise<void> {
  const isNode = /^dataCenters\/[^/]+\/nodes\/|^(?!dataCenters\/)[^/]+\//.test(name);
  await (isNode ? client.nodes[word](name, how) : client.dataCenters[word](name, how));
  const would = how.validateOnly === true ? 'would be ' : '';
  await session.print(`${isNode ? 'node' : 'data-center'} ${harmless(name)} ${would}${word}ed`);
}

async function drain(session: Session, client: Isobar, name: string, how: WriteOptions) {
  const { movedRuns, waitingRuns } = await client.dataCenters.drain(name, how);
  const [moves, rest] = how.validateOnly === true ? ['would move', 'would wait'] : ['move', 'wait'];
  const runs = movedRuns === 1 ? '1 run' : `${movedRuns} runs`;
  if (how.validateOnly !== true) await session.print(`data-center ${name} drains`);
  await session.print(
    movedRuns === 0
      ? `no run ${how.validateOnly === true ? 'would have' : 'has'} to move`
      : `${runs} ${moves} elsewhere`,
  );
  if (waitingRuns > 0) {
    await session.print(`of these ${waitingRuns} ${rest}: nothing else has room for them now`);
  }
}
