// Reads the output of a task for somebody who looks on, while it is written and cut behind.
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { LogPiece } from '#ports/executor.ts';
import type { Clock } from '#ports/clock.ts';
import { beginningOf } from './output.ts';
import { codeOf } from './proc.ts';

export interface Reading {
  readonly log: string;
  readonly tailLines: number;
  readonly follow: boolean;
  /** Whether the task has ended, so that nothing comes any more. */
  readonly hasEnded: () => boolean;
  readonly clock: Clock;
}

/** Fits into a message, and into what one reader may hold up. */
const PIECE_BYTES = 64 * 1024;
/** A change is told by the kernel; this is for file systems that do not, and for the end of the task. */
const LOOK_MS = 250;
const NEWLINE = 10;
const NOTHING = new Uint8Array(0);

/** Calls `onPiece` until `done`. A task that wrote nothing, or has not yet, has empty output. The answer cancels. */
export function readOutput(
  reading: Reading,
  onPiece: (piece: LogPiece) => void,
  onError: (message: string) => void,
): () => void {
  const cancelled = new AbortController();
  const piece = (data: Uint8Array, skippedBytes: number, done: boolean): void => {
    if (!cancelled.signal.aborted) onPiece({ data, skippedBytes, done });
  };
  readAll(reading, piece, cancelled.signal).catch((error: unknown) => {
    if (!cancelled.signal.aborted) onError(`the output cannot be read (${codeOf(error)})`);
  });
  return () => cancelled.abort();
}

type Send = (data: Uint8Array, skippedBytes: number, done: boolean) => void;

async function readAll(reading: Reading, send: Send, cancelled: AbortSignal): Promise<void> {
  const file = await openWhenThere(reading, cancelled);
  if (file === undefined) {
    send(NOTHING, 0, true);
    return;
  }
  try {
    await readPieces(file, reading, send, cancelled);
  } finally {
    await file.close();
  }
}

async function readPieces(
  file: FileHandle,
  reading: Reading,
  send: Send,
  cancelled: AbortSignal,
): Promise<void> {
  const { log, tailLines, follow, hasEnded } = reading;
  const begin = beginningOf(log);
  let position = await tailPosition(file, begin.offset, tailLines);
  let skippedBytes = position === begin.offset ? begin.skippedBytes : 0;
  const buffer = new Uint8Array(PIECE_BYTES);
  while (!cancelled.aborted) {
    // Asked before reading: what came before the end is then read.
    const isLast = !follow || hasEnded();
    const now = beginningOf(log);
    if (now.offset > position) {
      skippedBytes += now.offset - position;
      position = now.offset;
    }
    const { size } = await file.stat();
    // Cut to nothing, where holes cannot be punched: it begins anew.
    if (size < position) position = 0;
    const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES, position);
    position += bytesRead;
    if (bytesRead > 0) {
      send(buffer.slice(0, bytesRead), skippedBytes, false);
      skippedBytes = 0;
    } else if (isLast) {
      send(NOTHING, skippedBytes, true);
      return;
    } else await changed(reading, cancelled);
  }
}

/** Where the last lines begin; the beginning of what is kept when there are not so many. */
async function tailPosition(file: FileHandle, begin: number, tailLines: number): Promise<number> {
  if (tailLines === 0) return begin;
  const { size } = await file.stat();
  const buffer = new Uint8Array(PIECE_BYTES);
  let missing = tailLines;
  for (let end = size; end > begin; end -= PIECE_BYTES) {
    const from = Math.max(begin, end - PIECE_BYTES);
    const { bytesRead } = await file.read(buffer, 0, end - from, from);
    for (let i = bytesRead - 1; i >= 0; i -= 1) {
      // The newline at the very end closes the last line and begins none.
      if (buffer[i] !== NEWLINE || from + i === size - 1) continue;
      missing -= 1;
      if (missing === 0) return from + i + 1;
    }
  }
  return begin;
}

async function openWhenThere(
  reading: Reading,
  cancelled: AbortSignal,
): Promise<FileHandle | undefined> {
  while (!cancelled.aborted) {
    const isLast = !reading.follow || reading.hasEnded();
    try {
      return await open(reading.log, 'r');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    if (isLast) return undefined;
    await pause(reading.clock, cancelled);
  }
  return undefined;
}

function changed(reading: Reading, cancelled: AbortSignal): Promise<void> {
  let watcher: FSWatcher | undefined;
  const told = new Promise<void>((resolve) => {
    try {
      watcher = watch(reading.log, () => resolve());
      watcher.on('error', () => {}); // then the pause wakes us
    } catch {
      // Gone, or no watches left: the pause wakes us.
    }
  });
  return Promise.race([told, pause(reading.clock, cancelled)]).finally(() => watcher?.close());
}

function pause(clock: Clock, cancelled: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(LOOK_MS, done);
    cancelled.addEventListener('abort', done, { once: true });
    function done(): void {
      cancel();
      cancelled.removeEventListener('abort', done);
      resolve();
    }
  });
}
