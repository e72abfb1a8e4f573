// node controller/simulation/golden.ts RELEASE
// Plays a world and keeps its log in controller/log/golden: the database as that release wrote it, and what it says. Run it once,
// when a release is cut. What lies there is never written again, and every later release must read it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Command } from '#core/command.ts';
import { foldRecord } from '#core/fold.ts';
import { rebuildDerived } from '#core/rebuild.ts';
import { emptyState, type State } from '#core/state.ts';
import { decidedLines } from '#core/testing-digest.ts';
import { Record as LogRecord } from '#gen/isobar/log/v1/record.ts';
import { SqliteLog } from '#log/sqlite.ts';
import { recover } from '#loop/recover.ts';
import type { AppendGroup, Log } from '#ports/log.ts';
import { World } from './world.ts';

export const GOLDEN_DIRECTORY = join(import.meta.dirname, '../log/golden');
/** Its records have events of all kinds that the simulator makes; those of people are added. */
const SEED = 18;

async function recordGolden(release: string): Promise<void> {
  const groups: AppendGroup[] = [];
  const world = new World({ seed: SEED, onDurable: (group) => groups.push(group) });
  await world.run();
  await addPeople(world);
  const directory = mkdtempSync(join(tmpdir(), 'isobar-golden-'));
  try {
    const log = await SqliteLog.open(directory);
    for (const group of groups) await append(log, group);
    const copy = join(directory, 'copy.db');
    await log.backup(copy);
    await log.close();
    writeFileSync(join(GOLDEN_DIRECTORY, `${release}.db.gz`), gzipSync(readFileSync(copy)));
  } finally {
    rmSync(directory, { recursive: true });
  }
  writeFileSync(join(GOLDEN_DIRECTORY, `${release}.txt`), await readGolden(release));
}

/** Somebody is invited, comes and is sent away again, and an agent gets its certificate. */
async function addPeople(world: World): Promise<void> {
  const [dataCenter = ''] = world.sites.keys();
  const [{ id: tenant } = { id: '' }] = world.plan.tenants;
  const secretSha256 = new Uint8Array(32).fill(7);
  const identity = `spiffe://isobar.internal/tenant/${tenant}/user/ana`;
  const token = { secretSha256, expireMs: Number.MAX_SAFE_INTEGER };
  const user = { tenant, id: 'ana', roles: [3], revoked: false, createMs: 0 };
  const commands: readonly Command[] = [
    { kind: 'inviteUser', user, token: { ...token, id: 'invitation', identity } },
    { kind: 'useToken', id: 'invitation', secretSha256 },
    { kind: 'noteCertificate', identity, serial: '2a', expireMs: token.expireMs },
    { kind: 'revokeUser', tenant, user: 'ana' },
    {
      kind: 'createToken',
      dataCenter,
      token: { ...token, id: 'agent', identity: `spiffe://isobar.internal/agent/${dataCenter}` },
    },
  ];
  for (const command of commands) {
    world.host.execute(command, 'operator', (outcome) => {
      if (outcome.kind === 'refusal') throw new Error(`${command.kind}: ${outcome.message}`);
    });
    await world.advance(10_000);
  }
}

function append(log: Log, group: AppendGroup): Promise<void> {
  return new Promise((resolve, reject) => {
    log.append(group, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** What a release says that the log of an older one says: the decided state, its jobs and its audit, a line each. */
export async function readGolden(release: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'isobar-golden-'));
  try {
    const bytes = gunzipSync(readFileSync(join(GOLDEN_DIRECTORY, `${release}.db.gz`)));
    writeFileSync(join(directory, 'isobar.db'), bytes);
    const log = await SqliteLog.open(directory);
    try {
      return await told(log);
    } finally {
      await log.close();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function told(log: Log): Promise<string> {
  const state = await recover(log);
  const lines = [...decidedLines(state)].toSorted();
  const folded = await foldAll(log);
  const same = [...decidedLines(folded.state)].toSorted().join('\n') === lines.join('\n');
  lines.push(`checkpoint and records say the same: ${same}`);
  lines.push(`kinds of events: ${[...folded.kinds].toSorted().join(' ')}`);
  const query = { user: '', jobSet: '', labels: [], tenants: undefined, withSpec: true } as const;
  for (const job of await log.listJobs({ ...query, beforeUid: 0, limit: 10_000 })) {
    const { uid, tenant, job: id, jobSet, user, labels, spec, ended } = job;
    const end = ended === undefined ? 'live' : `${ended.state} ${ended.body.length} bytes`;
    lines.push(
      `archived ${uid} ${tenant}/${id} ${jobSet} ${user} ${labels} ${spec.length} bytes, ${end}`,
    );
  }
  const { entries, firstBadRevision } = await log.verifyAudit();
  lines.push(`audit: ${entries} entries, first bad one ${String(firstBadRevision)}`);
  return `${lines.join('\n')}\n`;
}

/** Every record from the first on, without the checkpoint. */
async function foldAll(log: Log): Promise<{ readonly state: State; readonly kinds: Set<string> }> {
  const state = emptyState();
  const kinds = new Set<string>();
  state.derived.live = false;
  await log.replay(0, (_, bodies) => {
    for (const body of bodies) {
      const { revision, timeMs, events } = LogRecord.decode(body);
      for (const { kind } of events) kinds.add(kind?.$case ?? 'unknown');
      foldRecord(state, revision, timeMs, events);
    }
  });
  rebuildDerived(state);
  return { state, kinds };
}

if (process.argv[1] === import.meta.filename) {
  const [, , release] = process.argv;
  if (release === undefined) throw new Error('name the release: golden.ts 0.1.0');
  await recordGolden(release);
}
