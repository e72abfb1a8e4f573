// What the jobs of these tests do: they write lines into one file, each line appended whole, so that the file tells what really
// ran, whatever the log says.
import { existsSync, readFileSync } from 'node:fs';
import type { JobInput } from '#client/job-input.ts';

/** One line: a run of a job that wrote a word. */
export interface Line {
  readonly uid: number;
  readonly epoch: number;
  readonly word: string;
}

const SAY = 'say() { echo "$ISOBAR_UID $ISOBAR_EPOCH $1" >>"$REPORT"; }';

/** Says `begin`, takes its time, says `end`. */
export function brief(report: string, seconds = 0.05): JobInput {
  return {
    ...shell('say begin; sleep "$LONG"; say end', report),
    env: { REPORT: report, LONG: `${seconds}` },
  };
}

/** Says boot time in seconds every tenth of a second, until the file `go` exists; then it says `end`. */
export function ticking(report: string, go: string): JobInput {
  const loop = 'while [ ! -e "$GO" ]; do read -r up _ </proc/uptime; say "$up"; sleep 0.1; done';
  return { ...shell(`${loop}; say end`, report), env: { REPORT: report, GO: go } };
}

function shell(script: string, report: string): JobInput {
  return {
    command: ['/bin/sh', '-c', `${SAY}; ${script}`],
    env: { REPORT: report },
    cpu: 0.1,
    memory: '16Mi',
    stop: { grace: '1s' },
  };
}

/** All lines so far, in the order in which they were written. */
export function linesOf(report: string): Line[] {
  if (!existsSync(report)) return [];
  return readFileSync(report, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [uid, epoch, word = ''] = line.split(' ');
      return { uid: Number(uid), epoch: Number(epoch), word };
    });
}

/** Times at which a run was seen alive, in seconds since the machine started, by `uid epoch`. */
export function timesOf(lines: readonly Line[]): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const { uid, epoch, word } of lines) {
    const seconds = Number(word);
    if (Number.isNaN(seconds)) continue;
    const key = `${uid} ${epoch}`;
    times.set(key, [...(times.get(key) ?? []), seconds]);
  }
  return times;
}

/** Runs of one job that were alive at the same time, in words. Empty: never. */
export function overlaps(lines: readonly Line[]): string[] {
  const times = timesOf(lines);
  const faults: string[] = [];
  for (const [key, later] of times) {
    const [uid = '', epoch = ''] = key.split(' ');
    const earlier = times.get(`${uid} ${Number(epoch) - 1}`);
    if (earlier === undefined) continue;
    const [lastOfEarlier = 0, firstOfLater = 0] = [earlier.at(-1), later[0]];
    if (lastOfEarlier >= firstOfLater)
      faults.push(
        `job ${uid}: epoch ${Number(epoch) - 1} wrote at ${lastOfEarlier}, epoch ${epoch} at ${firstOfLater}`,
      );
  }
  return faults;
}
