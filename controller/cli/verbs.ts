// Every verb of the command, loaded when it is used: starting must not cost what is not needed.
import type { Verb } from './verb.ts';

export const VERBS: readonly Verb[] = [
  {
    name: 'submit',
    group: 'Jobs',
    summary: 'submit jobs from a file, or a command line as a job',
    load: () => import('./submit.ts'),
  },
  {
    name: 'simulate',
    group: 'Jobs',
    summary: 'tell what would happen to jobs now, without submitting them',
    load: () => import('./simulate.ts'),
  },
  {
    name: 'why',
    group: 'Jobs',
    summary: 'tell why a job waits, or why it went where it is',
    load: () => import('./why.ts'),
  },
  {
    name: 'wait',
    group: 'Jobs',
    summary: 'wait until jobs have ended, and exit with their exit code',
    load: () => import('./wait.ts'),
  },
  {
    name: 'logs',
    group: 'Jobs',
    summary: 'print what a task of a job wrote',
    load: () => import('./logs.ts'),
  },
  ...(
    [
      ['hold', 'keep queued jobs from running'],
      ['release', 'let held jobs run'],
      ['requeue', 'stop running jobs and queue them again'],
      ['reprioritize', 'change the priority of queued or held jobs'],
      ['cancel', 'end jobs for good'],
    ] as const
  ).map(([name, summary]) => ({
    name,
    group: 'Jobs' as const,
    summary,
    load: async () => (await import('./change-jobs.ts')).changeJobs(name),
  })),
  {
    name: 'get',
    group: 'Federation',
    summary: 'list data centers, nodes, jobs, runs, tenants, links, events or users',
    load: () => import('./get.ts'),
  },
  {
    name: 'describe',
    group: 'Federation',
    summary: 'tell everything about one thing',
    load: () => import('./describe.ts'),
  },
  {
    name: 'create',
    group: 'Federation',
    summary: 'add a tenant, a data center or a link, or make an enrolment token',
    load: () => import('./create.ts'),
  },
  {
    name: 'apply',
    group: 'Federation',
    summary: 'make tenants, data centers and links as a file says',
    load: () => import('./apply.ts'),
  },
  {
    name: 'diff',
    group: 'Federation',
    summary: 'tell what apply would change',
    load: () => import('./diff.ts'),
  },
  {
    name: 'delete',
    group: 'Federation',
    summary: 'remove a tenant, a data center or a link',
    load: () => import('./delete.ts'),
  },
  ...(
    [
      ['cordon', 'stop new runs on a data center or node'],
      ['uncordon', 'let new runs in again'],
      ['drain', 'move the runs of a data center or node away'],
    ] as const
  ).map(([name, summary]) => ({
    name,
    group: 'Federation' as const,
    summary,
    load: async () => (await import('./cordon.ts')).cordon(name),
  })),
  {
    name: 'forget',
    group: 'Federation',
    summary: 'declare a run gone for good, when its data center is known to be dead',
    load: () => import('./forget.ts'),
  },
  {
    name: 'usage',
    group: 'Federation',
    summary: 'account for what tenants used',
    load: () => import('./usage.ts'),
  },
  {
    name: 'audit',
    group: 'Federation',
    summary: 'list, export or verify the record of changes',
    load: () => import('./audit.ts'),
  },
  {
    name: 'backup',
    group: 'Federation',
    summary: 'write a backup of the log into a file',
    load: () => import('./backup.ts'),
  },
  {
    name: 'login',
    group: 'Access',
    summary: 'trade a token for a certificate, and keep it as a context',
    load: () => import('./login.ts'),
  },
  {
    name: 'whoami',
    group: 'Access',
    summary: 'tell who you are to the controller',
    load: () => import('./whoami.ts'),
  },
  {
    name: 'user',
    group: 'Access',
    summary: 'invite, revoke or list users',
    load: () => import('./user.ts'),
  },
  {
    name: 'config',
    group: 'Access',
    summary: 'choose and change contexts: which controller, as whom',
    load: () => import('./config.ts'),
  },
  {
    name: 'doctor',
    group: 'This command',
    summary: 'find out why something does not work',
    load: () => import('./doctor.ts'),
  },
  {
    name: 'completion',
    group: 'This command',
    summary: 'print the completion script of bash, zsh or fish',
    load: () => import('./completion.ts'),
  },
  {
    name: 'version',
    group: 'This command',
    summary: 'print the version',
    load: () => import('./version.ts'),
  },
];
