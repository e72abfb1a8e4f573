// Starts the threads of a log. They are files beside this one, as TypeScript in the checkout and as JavaScript when packed.
import { Worker } from 'node:worker_threads';
import type { CopierApi, CopierData } from './copier.ts';
import type { ReaderApi, ReaderData } from './reader.ts';
import { Remote } from './remote.ts';
import type { WriterApi, WriterData } from './writer.ts';

export interface Thread<
  Api extends { readonly [name in keyof Api]: (...args: never[]) => unknown },
> {
  readonly remote: Remote<Api>;
  /** Ends it wherever it is; what waits for an answer is told that the log is closed. */
  stop(): Promise<void>;
}

export const startWriter = (data: WriterData): Thread<WriterApi> => start('writer', data);
export const startReader = (data: ReaderData): Thread<ReaderApi> => start('reader', data);
export const startCopier = (data: CopierData): Thread<CopierApi> => start('copier', data);

const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

function start<Api extends { readonly [name in keyof Api]: (...args: never[]) => unknown }>(
  name: string,
  data: object,
): Thread<Api> {
  const worker = new Worker(new URL(`./${name}${extension}`, import.meta.url), {
    name: `log ${name}`,
    workerData: data,
  });
  return {
    remote: new Remote<Api>(worker),
    stop: async () => {
      await worker.terminate();
    },
  };
}
