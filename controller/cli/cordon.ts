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

/** What is closed or opened, as the caller named it. */
interface Target {
  readonly kind: 'data-center' | 'node';
  readonly name: string;
}

export function cordon(word: Word): VerbModule {
  return {
    configure(command: Command, act: Act): void {
      command
        .argument('<name...>', 'data centers, or nodes as DATA_CENTER/NODE')
        .option('--dry-run', 'tell what would happen, change nothing')
        .action(
          act<CordonOptions>(async (session, names, { dryRun: validateOnly }) => {
            // All of them before the first is touched: a wrong name changes nothing.
            const targets = targetsOf(names);
            const client = await session.client();
            for (const target of targets) {
              const how = { validateOnly, signal: session.signal };
              if (word === 'drain') await drain(session, client, target, how);
              else await toggle(session, client, word, target, how);
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
  drain: ['isobar drain north-1 --dry-run', 'isobar drain north-1', 'isobar drain north-1/n042'],
};

/** `cordon dc north-1` reads like the other verbs, so it is understood, and held to: a node without its name is no data center. */
function targetsOf(names: readonly string[]): readonly Target[] {
  const [first = '', ...rest] = names;
  const said = KINDS[first];
  if (said === undefined) return names.map((name) => ({ kind: kindOf(name), name }));
  if (rest.length === 0) throw new UsageError(`which ${first}?`, 'name at least one');
  for (const name of rest) {
    if (kindOf(name) !== said) {
      const next = 'a node is DATA_CENTER/NODE, a data center its id';
      throw new UsageError(`${harmless(name)} is no ${said}`, next);
    }
  }
  return rest.map((name) => ({ kind: said, name }));
}

const KINDS: Readonly<Record<string, Target['kind'] | undefined>> = {
  dc: 'data-center',
  'data-center': 'data-center',
  'data-centers': 'data-center',
  no: 'node',
  node: 'node',
  nodes: 'node',
};

function kindOf(name: string): Target['kind'] {
  return /^dataCenters\/[^/]+\/nodes\/|^(?!dataCenters\/)[^/]+\//.test(name)
    ? 'node'
    : 'data-center';
}

async function toggle(
  session: Session,
  client: Isobar,
  word: 'cordon' | 'uncordon',
  { kind, name }: Target,
  how: WriteOptions,
): Promise<void> {
  await (kind === 'node' ? client.nodes[word](name, how) : client.dataCenters[word](name, how));
  const would = how.validateOnly === true ? 'would be ' : '';
  await session.print(`${kind} ${harmless(name)} ${would}${word}ed`);
}

async function drain(
  session: Session,
  client: Isobar,
  { kind, name }: Target,
  how: WriteOptions,
): Promise<void> {
  const { movedRuns, waitingRuns } = await (kind === 'node'
    ? client.nodes.drain(name, how)
    : client.dataCenters.drain(name, how));
  const would = how.validateOnly === true;
  const say = (count: number, verb: string): string => {
    if (would) return `would ${verb}`;
    return count === 1 ? `${verb}s` : verb;
  };
  const runs = movedRuns === 1 ? '1 run' : `${movedRuns} runs`;
  if (!would) await session.print(`${kind} ${harmless(name)} drains`);
  await session.print(
    movedRuns === 0
      ? `no run ${would ? 'would have' : 'has'} to move`
      : `${runs} ${say(movedRuns, 'move')} elsewhere`,
  );
  if (waitingRuns > 0) {
    const wait = say(waitingRuns, 'wait');
    await session.print(`of these ${waitingRuns} ${wait}: nothing else has room for them now`);
  }
}
