import { describe, expect, test } from 'vitest';
import { jobClassOf } from './job-class.ts';
import { checkJobSpec } from './job-rules.ts';
import { withDefaults, type JobSpec, type TaskGroup } from './job-spec.ts';

const INTERNAL = 2;

function group(words: Partial<TaskGroup> = {}): TaskGroup {
  const empty = {
    name: '',
    command: ['true'],
    args: [],
    image: '',
    resources: undefined,
    replicas: 0,
  };
  return { ...empty, env: [], files: [], ...words };
}

function spec(words: Partial<JobSpec> = {}): JobSpec {
  return {
    groups: [group()],
    jobSet: '',
    labels: {},
    priority: 0,
    expectedRunTime: undefined,
    maxRunTime: undefined,
    retry: undefined,
    after: [],
    constraints: undefined,
    classification: 0,
    unreachable: 0,
    stopSignal: '',
    stopGrace: undefined,
    hold: false,
    ...words,
  };
}

const NO_RESOURCES = {
  cpuMillis: 0,
  memoryMib: 0,
  storageMib: 0,
  extra: {},
  deviceThousandths: 0,
  devices: [],
};
const NO_CONSTRAINTS = {
  dataCenters: [],
  notDataCenters: [],
  regions: [],
  classes: [],
  offers: [],
  dataCenterLabels: {},
  nodeLabels: {},
  nodeRoles: [],
};
const device = (words: object) => ({
  model: '',
  count: 1,
  shareThousandths: 0,
  memoryMib: 0,
  ...words,
});
const seconds = (count: number) => ({ seconds: count, nanos: 0 });
const value = (text: string) => ({ $case: 'value', value: text }) as const;
const content = (bytes: number) => ({ $case: 'content', value: new Uint8Array(bytes) }) as const;

const fieldsOf = (wrong: JobSpec): string[] =>
  checkJobSpec(wrong, INTERNAL).map(({ field }) => field);

describe('a job that is refused', () => {
  test.each<[string, Partial<JobSpec>, string[]]>([
    ['without groups', { groups: [] }, ['groups']],
    [
      'with too many groups',
      { groups: Array.from({ length: 17 }, (_, i) => group({ name: `g${i}` })) },
      ['groups'],
    ],
    ['with a set that is no id', { jobSet: 'My set' }, ['job_set']],
    ['with a label of two lines', { labels: { team: 'a\nb' } }, ['labels["team"]']],
    ['with a key that no label has', { labels: { 'a=b': '' } }, ['labels["a=b"]']],
    [
      'with 17 labels',
      { labels: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, ''])) },
      ['labels'],
    ],
    ['with a priority beyond all others', { priority: 1001 }, ['priority']],
    ['that expects to run backwards', { expectedRunTime: seconds(-1) }, ['expected_run_time']],
    ['that may run for no time', { maxRunTime: seconds(0) }, ['max_run_time']],
    ['with a grace of 11 minutes', { stopGrace: seconds(660) }, ['stop_grace']],
    ['with a signal that cannot be caught', { stopSignal: 'SIGKILL' }, ['stop_signal']],
    [
      'with a policy of retries that is wrong throughout',
      {
        retry: {
          maxAttempts: 101,
          exitCodes: [0, 256],
          backoff: seconds(3601),
          maxBackoff: seconds(86_401),
        },
      },
      [
        'retry.max_attempts',
        'retry.exit_codes[0]',
        'retry.exit_codes[1]',
        'retry.backoff',
        'retry.max_backoff',
      ],
    ],
    [
      'whose longest wait is below its first',
      { retry: { maxAttempts: 2, exitCodes: [], backoff: seconds(60), maxBackoff: seconds(30) } },
      ['retry.max_backoff'],
    ],
    ['that waits for what is no id', { after: [{ job: 'a/b', condition: 0 }] }, ['after[0].job']],
    [
      'that waits in an unknown way',
      { after: [{ job: 'a', condition: -1 }] },
      ['after[0].condition'],
    ],
    ['above the clearance of its tenant', { classification: 3 }, ['classification']],
    ['of an unknown classification', { classification: -1 }, ['classification']],
    ['of an unknown policy', { unreachable: -1 }, ['unreachable']],
    [
      'with constraints that name nothing',
      {
        constraints: {
          ...NO_CONSTRAINTS,
          dataCenters: ['North'],
          classes: ['LOCAL'],
          offers: ['a b'],
          nodeRoles: ['huge'],
          nodeLabels: { '': 'x' },
        },
      },
      [
        'constraints.data_centers[0]',
        'constraints.classes[0]',
        'constraints.offers[0]',
        'constraints.node_roles[0]',
        'constraints.node_labels[""]',
      ],
    ],
  ])('%s', (_, words, fields) => {
    expect(fieldsOf(spec(words))).toEqual(fields);
  });

  test.each<[string, Partial<TaskGroup>, string[]]>([
    ['without a command', { command: [] }, ['command']],
    ['with an empty program', { command: [''] }, ['command']],
    ['with a NUL in an argument', { args: ['a\0b'] }, ['args[0]']],
    ['with a key in an argument', { args: [`--key=AKIA${'A'.repeat(16)}`] }, ['args[0]']],
    ['with a space in its image', { image: 'a b' }, ['image']],
    ['with too many replicas', { replicas: 10_001 }, ['replicas']],
    [
      'with more than any node has',
      { resources: { ...NO_RESOURCES, cpuMillis: 2 ** 31 } },
      ['resources.cpu_millis'],
    ],
    [
      'with an extra of zero',
      { resources: { ...NO_RESOURCES, extra: { matlab: 0 } } },
      ['resources.extra["matlab"]'],
    ],
    [
      'with devices that no node has',
      {
        resources: {
          ...NO_RESOURCES,
          devices: [
            device({ count: 0 }),
            device({ count: 2, shareThousandths: 500 }),
            device({ shareThousandths: 1001 }),
          ],
        },
      },
      [
        'resources.devices[0].count',
        'resources.devices[1].count',
        'resources.devices[2].share_thousandths',
      ],
    ],
    [
      'with variables that are none',
      {
        env: [
          { name: '1A', source: value('') },
          { name: 'ISOBAR_UID', source: value('') },
          { name: 'A', source: undefined },
          { name: 'A', source: { $case: 'secret', value: { secret: '../x', key: '' } } },
          { name: 'PASSWORD', source: value('hunter22') },
        ],
      },
      [
        'env[0].name',
        'env[1].name',
        'env[2]',
        'env[3].name',
        'env[3].secret.secret',
        'env[3].secret.key',
        'env[4].value',
      ],
    ],
    [
      'with files outside of its directory',
      {
        files: [
          { path: '/etc/passwd', mode: 0, source: content(0) },
          { path: 'a/../b', mode: 0, source: content(0) },
          { path: 'c', mode: 0o4755, source: content(0) },
          { path: 'c', mode: 0, source: undefined },
        ],
      },
      ['files[0].path', 'files[1].path', 'files[2].mode', 'files[3].path', 'files[3]'],
    ],
    [
      'with too large files',
      { files: [{ path: 'a', mode: 0, source: content(1024 * 1024 + 1) }] },
      ['files'],
    ],
  ])('with a group %s', (_, words, fields) => {
    expect(fieldsOf(spec({ groups: [group(words)] }))).toEqual(
      fields.map((field) => `groups[0].${field}`),
    );
  });

  test('with groups of one name, and one without', () => {
    const groups = [group({ name: 'a' }), group({ name: 'a' }), group()];
    expect(fieldsOf(spec({ groups }))).toEqual(['groups[1].name', 'groups[2].name']);
  });

  test('is told everything that is wrong at once, and what to do', () => {
    const wrong = spec({ groups: [group({ command: [] })], priority: 5000, stopSignal: 'KILL' });
    const violations = checkJobSpec(wrong, INTERNAL);
    expect(violations.map(({ field }) => field)).toEqual([
      'groups[0].command',
      'priority',
      'stop_signal',
    ]);
    for (const { description } of violations) expect(description).toMatch(/must|give/);
  });
});

test('a job that uses everything is taken', () => {
  const full = spec({
    groups: [
      group({
        name: 'solver',
        args: ['--steps', '10'],
        image: 'registry.example:5000/solvers/cg@sha256:0123456789abcdef',
        resources: {
          ...NO_RESOURCES,
          cpuMillis: 1500,
          extra: { 'licences/matlab': 2 },
          devices: [device({ model: 'A100', count: 4 }), device({ shareThousandths: 250 })],
        },
        replicas: 10_000,
        env: [
          { name: 'MODE', source: value('fast') },
          {
            name: 'DB_PASSWORD',
            source: { $case: 'secret', value: { secret: 'db', key: 'password' } },
          },
        ],
        files: [{ path: 'in/params.yaml', mode: 0o755, source: content(1024) }],
      }),
    ],
    jobSet: 'night',
    labels: { 'topology.kubernetes.io/zone': 'a', team: 'Grid & Lines' },
    expectedRunTime: seconds(60),
    maxRunTime: seconds(3600),
    after: [{ job: 'prepare', condition: 2 }],
    constraints: {
      ...NO_CONSTRAINTS,
      regions: ['north'],
      classes: ['NATIONAL'],
      offers: ['mpi'],
      nodeRoles: ['hpc'],
    },
    classification: 2,
    stopSignal: 'SIGINT',
    stopGrace: seconds(0),
  });
  expect(checkJobSpec(full, INTERNAL)).toEqual([]);
});

describe('defaults', () => {
  test('fill in what the contract says', () => {
    expect(withDefaults(spec(), INTERNAL)).toMatchObject({
      groups: [
        {
          name: 'main',
          replicas: 1,
          resources: { cpuMillis: 1000, memoryMib: 512, storageMib: 0 },
        },
      ],
      retry: { maxAttempts: 1, exitCodes: [], backoff: seconds(10), maxBackoff: seconds(600) },
      classification: INTERNAL,
      unreachable: 1,
      stopSignal: 'SIGTERM',
      stopGrace: seconds(10),
    });
  });

  test('are the same for jobs that say them and for jobs that do not', () => {
    const once = withDefaults(spec({ constraints: NO_CONSTRAINTS }), 0);
    expect(withDefaults(once, INTERNAL)).toEqual(once);
    expect(once.constraints).toBeUndefined();
  });

  test('bring maps into one order', () => {
    const resources = { ...NO_RESOURCES, extra: { b: 1, a: 2 } };
    const { labels, groups } = withDefaults(
      spec({ labels: { z: '1', a: '2' }, groups: [group({ resources })] }),
      0,
    );
    expect(Object.keys(labels)).toEqual(['a', 'z']);
    expect(Object.keys(groups[0]?.resources?.extra ?? {})).toEqual(['a', 'b']);
  });
});

test('a job with an image runs only where images are offered', () => {
  const asked = spec({
    groups: [group(), group({ image: 'a' })],
    constraints: { ...NO_CONSTRAINTS, offers: ['mpi'] },
  });
  expect(jobClassOf(withDefaults(asked, 0)).offers).toEqual(['mpi', 'image']);
  expect(jobClassOf(withDefaults(spec(), 0)).offers).toEqual([]);
});
