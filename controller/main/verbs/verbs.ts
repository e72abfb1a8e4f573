// Verbs of the command that run processes.
import type { Verb } from '#cli/verb.ts';

export const PROCESS_VERBS: readonly Verb[] = [
  {
    name: 'demo',
    group: 'Processes',
    summary: 'run a nation of data centers on this machine, and a census in it',
    load: () => import('./demo.ts'),
  },
  {
    name: 'controller',
    group: 'Processes',
    summary: 'run a controller',
    load: () => import('./controller.ts'),
  },
  {
    name: 'agent',
    group: 'Processes',
    summary: 'run the agent of a data center',
    load: () => import('./agent.ts'),
  },
  {
    name: 'restore',
    group: 'Processes',
    summary: 'make the log of a controller from a backup',
    load: () => import('./restore.ts'),
  },
  {
    name: 'replay',
    group: 'Processes',
    summary:
      'replay a trace of real jobs, on a virtual clock or live, and tell how well they were placed',
    load: () => import('./replay.ts'),
  },
];
