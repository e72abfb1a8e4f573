// How much the files in a directory take: what the log says of its size on disk.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A look at a handful of files, some microseconds each. Undefined: the directory cannot be read. */
export function bytesInDirectory(directory: string): number | undefined {
  let bytes = 0;
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      // One that went between the two looks takes nothing.
      const stat = statSync(join(directory, entry.name), { throwIfNoEntry: false });
      bytes += stat?.size ?? 0;
    }
  } catch {
    return undefined;
  }
  return bytes;
}
