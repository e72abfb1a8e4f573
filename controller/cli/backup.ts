// isobar backup: the log and its tables as of one revision, in a file.
import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { EXIT, Failure } from './exit.ts';
import { IsobarError } from '#client/isobar-error.ts';
import type { Session } from './session.ts';
import { bytes } from './units.ts';
import { type Act, examples } from './verb.ts';

export function configure(command: Command, act: Act): void {
  command
    .argument('<file>', 'where to write it; - is standard output')
    .action(act((session, [file = '']) => backup(session, file)));
  examples(
    command,
    'isobar backup federation.backup',
    'isobar backup - | age -r KEY > federation.backup.age',
  );
}

async function backup(session: Session, file: string): Promise<void> {
  const client = await session.client();
  const seen = { revision: 0, size: 0 };
  const pieces = client.federation.backup({ signal: session.signal });
  async function* data(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of pieces) {
      if (piece.revision !== 0) seen.revision = piece.revision;
      seen.size += piece.data.length;
      yield piece.data;
    }
  }
  if (file === '-') for await (const chunk of data()) await session.io.stdout.write(chunk);
  else await writeWhole(resolve(session.io.cwd, file), data());
  await session.note(
    `${bytes(seen.size)} as of revision ${seen.revision}${file === '-' ? '' : ` in ${file}`}`,
  );
}

/** Under its name only when it is whole and on disk: half a backup is worse than none. */
async function writeWhole(file: string, data: AsyncIterable<Uint8Array>): Promise<void> {
  const beside = `${file}.part`;
  try {
    await pipeline(Readable.from(data), createWriteStream(beside, { mode: 0o600 }));
    const handle = await open(beside, 'r');
    await handle.sync();
    await handle.close();
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    if (error instanceof IsobarError || !(error instanceof Error && 'code' in error)) throw error;
    throw new Failure(`${file} cannot be written: ${String(error.code)}`, EXIT.NO_FILE);
  }
}
