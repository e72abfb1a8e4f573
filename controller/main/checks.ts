// Checks of `isobar doctor` about the processes that this machine could run.
import type { Controller } from '#agent/executors/local/cgroup.ts';
import { findIsolation, leaveIsolation, type IsolationKind } from '#agent/executors/local/trees.ts';
import type { Check, CheckResult } from '#cli/check.ts';

const ISOLATION = {
  cgroup: 'cgroup v2: a job’s processes end together, whatever they do',
  'pid-namespace': 'a PID namespace for each job: its processes end together, whatever they do',
  marker:
    'a search for marked processes: one that clears its environment and leaves its session escapes',
} as const satisfies Record<IsolationKind, string>;

/** What holds a task to what it asked for: the kernel, and else whom. */
const ENFORCED = {
  memory: {
    kernel: 'memory: the kernel ends a task that takes more than it asked for',
    otherwise:
      'memory: looked at once a second, and a task that is above what it asked for twice in a row is ended',
  },
  cpu: {
    kernel: 'CPU: shared in proportion to what tasks asked for, when there is not enough for all',
    otherwise: 'CPU: not enforced, a task can take more than it asked for',
  },
} as const satisfies Record<Controller, { kernel: string; otherwise: string }>;

export function enforcedBy(controllers: readonly Controller[]): CheckResult {
  const told = (name: Controller): string =>
    ENFORCED[name][controllers.includes(name) ? 'kernel' : 'otherwise'];
  const text = `${told('memory')}; ${told('cpu')}`;
  if (controllers.includes('memory') && controllers.includes('cpu')) return { outcome: 'ok', text };
  const next =
    'for both by the kernel, run agents in a unit that has cgroup v2 to give (systemd: Delegate=yes with DelegateSubgroup=agent)';
  return { outcome: 'warning', text, next };
}

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
  {
    name: 'enforced',
    async run() {
      const isolation = findIsolation(`doctor-${process.pid}`);
      leaveIsolation(isolation);
      return enforcedBy(isolation.controllers ?? []);
    },
  },
];
