// Checks of `isobar doctor` about the processes that this machine could run.
import { findIsolation, leaveIsolation, type IsolationKind } from '#agent/executors/local/trees.ts';
import type { Check } from '#cli/check.ts';

const ISOLATION = {
  cgroup: 'cgroup v2: a job’s processes end together, whatever they do',
  'pid-namespace': 'a PID namespace for each job: its processes end together, whatever they do',
  marker:
    'a search for marked processes: one that clears its environment and leaves its session escapes',
} as const satisfies Record<IsolationKind, string>;

export const PROCESS_CHECKS: readonly Check[] = [
  {
    name: 'isolation',
    async run() {
      const isolation = findIsolation(`doctor-${process.pid}`);
      leaveIsolation(isolation);
      const text = `the local executor would use ${ISOLATION[isolation.kind]}`;
      if (isolation.kind !== 'marker') return { outcome: 'ok', text };
      const next =
        'run agents as root, or as a user with a delegated cgroup (systemd: Delegate=yes)';
      return { outcome: 'warning', text, next };
    },
  },
];
