import { describe, expect, test } from 'vitest';
import { FileError, problemText } from './file-error.ts';
import { parseJobsFile } from './jobs-file.ts';

function problemsOf(source: string): string[] {
  try {
    parseJobsFile(source, 'jobs.yaml');
  } catch (error) {
    if (error instanceof FileError) return error.problems.map(problemText);
    throw error;
  }
  return [];
}

describe('a jobs file', () => {
  test('may be as short as a command', () => {
    const [job] = parseJobsFile('command: [echo, hi]', 'jobs.yaml');
    expect(job?.submission.spec?.groups).toMatchObject([{ command: ['echo', 'hi'], replicas: 0 }]);
  });

  test('says everything that the API knows', () => {
    const [job] = parseJobsFile(
      `
id: train-7
tenant: health
set: night          # a comment
labels: {team: vision, year: 2026}
priority: 10
command: [python, train.py]
args: [--epochs, 3]
image: train:1
cpu: 500m
memory: 4Gi
storage: 1T
gpus: {model: A100, count: 1, share: 0.25, memory: 10Gi}
replicas: 3
env: {A: b, TOKEN: {secret: registry, key: token}}
files:
  conf/a.ini: "x = 1"
  run.sh: {content: "echo", mode: "0755"}
  key.pem: {secret: tls, key: key}
after: [prepare, {job: clean, condition: ended}]
where:
  data_centers: [north-1]
  not_data_centers: [south-1]
  regions: [north]
  classes: [national]
  offers: [image]
  labels: {tier: one}
  node_labels: {disk: nvme}
  roles: [gpu]
classification: confidential
unreachable: wait
expected_run_time: 10m
max_run_time: 1h30m
retry: {attempts: 3, exit_codes: [75], backoff: 5s, max_backoff: 1m}
stop: {signal: SIGINT, grace: 30s}
hold: true
`,
      'jobs.yaml',
    );
    expect(job?.tenant).toBe('health');
    expect(job?.submission).toMatchObject({
      jobId: 'train-7',
      spec: {
        groups: [
          {
            name: '',
            command: ['python', 'train.py'],
            args: ['--epochs', '3'],
            image: 'train:1',
            resources: {
              cpuMillis: 500,
              memoryMib: 4096,
              storageMib: 953_675,
              devices: [{ model: 'A100', count: 1, shareThousandths: 250, memoryMib: 10_240 }],
            },
            replicas: 3,
            env: [
              { name: 'A', source: { $case: 'value', value: 'b' } },
              {
                name: 'TOKEN',
                source: { $case: 'secret', value: { secret: 'registry', key: 'token' } },
              },
            ],
            files: [
              { path: 'conf/a.ini', mode: 0 },
              { path: 'run.sh', mode: 0o755 },
              {
                path: 'key.pem',
                source: { $case: 'secret', value: { secret: 'tls', key: 'key' } },
              },
            ],
          },
        ],
        jobSet: 'night',
        labels: { team: 'vision', year: '2026' },
        priority: 10,
        expectedRunTime: { seconds: 600, nanos: 0 },
        maxRunTime: { seconds: 5400, nanos: 0 },
        retry: {
          maxAttempts: 3,
          exitCodes: [75],
          backoff: { seconds: 5, nanos: 0 },
          maxBackoff: { seconds: 60, nanos: 0 },
        },
        after: [
          { job: 'prepare', condition: 1 },
          { job: 'clean', condition: 2 },
        ],
        constraints: {
          dataCenters: ['north-1'],
          notDataCenters: ['south-1'],
          regions: ['north'],
          classes: ['NATIONAL'],
          offers: ['image'],
          dataCenterLabels: { tier: 'one' },
          nodeLabels: { disk: 'nvme' },
          nodeRoles: ['gpu'],
        },
        classification: 3,
        unreachable: 2,
        stopSignal: 'SIGINT',
        stopGrace: { seconds: 30, nanos: 0 },
        hold: true,
      },
    });
  });

  test('may hold several documents, lists of jobs and groups', () => {
    const jobs = parseJobsFile(
      `
- {id: a, command: [a]}
- id: b
  groups: [{name: head, command: [h]}, {name: worker, command: [w], replicas: 8}]
---
id: c
command: [c]
`,
      'jobs.yaml',
    );
    expect(jobs.map(({ submission }) => submission.jobId)).toEqual(['a', 'b', 'c']);
    expect(jobs[1]?.submission.spec?.groups).toMatchObject([
      { name: 'head' },
      { name: 'worker', replicas: 8 },
    ]);
  });

  test.each([
    ['2', [{ count: 2 }]],
    ['0.5', [{ count: 1, shareThousandths: 500 }]],
    ['0', []],
  ])('asks for GPUs as the command line does: %s', (gpus, devices) => {
    const [job] = parseJobsFile(`{command: [a], gpus: ${gpus}}`, 'jobs.yaml');
    expect(job?.submission.spec?.groups[0]?.resources?.devices).toMatchObject(devices);
  });

  test('may be JSON', () => {
    const jobs = parseJobsFile('[{"id": "a", "command": ["a"]}]', 'jobs.json');
    expect(jobs).toHaveLength(1);
  });

  test('is told everything that is wrong at once, with its place', () => {
    expect(
      problemsOf(`id: Train_7
comand: [echo]
memory: 4
cpu: two
gpus: {model: A100, share: 2}
where:
  region: north
  classes: [continental]
retry: {attempts: 0}
stop: {signal: SIGTREM}
timeout: 5m
---
- command: [x]
  env: {TOKEN: {secret: s}}
  max_run_time: 10
`),
    ).toMatchInlineSnapshot(`
      [
        "jobs.yaml:1:5: id: "Train_7" is no id: 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end",
        "jobs.yaml:2:1: unknown key comand; did you mean command?",
        "jobs.yaml:3:9: memory: expected a size with its unit such as 512Mi, 4Gi or 1T, found 4",
        "jobs.yaml:4:6: cpu: expected a number of CPUs such as 2, 0.5 or 500m, found "two"",
        "jobs.yaml:5:28: gpus.share: expected a number from 0.001 to 1, found 2",
        "jobs.yaml:7:3: where: unknown key region: write regions: [...]",
        "jobs.yaml:8:13: where.classes[0]: expected one of national, regional, agency, found "continental"",
        "jobs.yaml:9:19: retry.attempts: expected a whole number from 1 to 100, found 0",
        "jobs.yaml:10:16: stop.signal: expected one of SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, found "SIGTREM"; did you mean SIGTERM?",
        "jobs.yaml:11:1: unknown key timeout: write max_run_time",
        "jobs.yaml:14:16: env.TOKEN: a secret needs both: secret (its name) and key",
        "jobs.yaml:15:17: max_run_time: expected a duration such as 90s, 10m or 1h30m, found 10",
      ]
    `);
  });

  test.each([
    ['nothing', '', 'jobs.yaml:1:1: the file has no job'],
    ['broken YAML', 'a: [1', 'jobs.yaml:1:6: Flow sequence in block collection must be'],
    ['text', 'hello', 'jobs.yaml:1:1: expected a mapping, found "hello"'],
    ['no command', 'id: a', 'jobs.yaml:1:1: command is missing: the program and its arguments'],
    ['a job twice', '- {id: a, command: [x]}\n- {id: a, command: [x]}', 'jobs.yaml:2:8: id: job a'],
    [
      'both forms',
      'command: [x]\ngroups: [{command: [y]}]',
      'jobs.yaml:1:1: command belongs into each of groups',
    ],
  ])('%s is refused', (_, source, expected) => {
    expect(problemsOf(source)[0]).toContain(expected);
  });
});
