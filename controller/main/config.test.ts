import { describe, expect, test } from 'vitest';
import { loadAgentConfig, loadControllerConfig } from './config.ts';
import { toMs } from '#domain/durations.ts';
import { formatFindings, renderConfig, type Sources } from './config-layers.ts';

const sources = (text?: string, rest: Partial<Sources> = {}): Sources => ({
  file: text === undefined ? undefined : { name: 'isobar.yaml', text },
  env: {},
  flags: {},
  ...rest,
});

function wrongIn(
  load: typeof loadControllerConfig | typeof loadAgentConfig,
  given: Sources,
): string[] {
  const loaded = load(given);
  return loaded.kind === 'wrong' ? formatFindings(loaded.findings).split('\n') : [];
}

function controller(given: Sources) {
  const loaded = loadControllerConfig(given);
  if (loaded.kind === 'wrong') throw new Error(formatFindings(loaded.findings));
  return loaded;
}

describe('where values come from', () => {
  test('nothing at all is a configuration', () => {
    const { value } = controller(sources());
    expect(value.listen.api).toBe('127.0.0.1:7420');
    expect(value.certificates.people).toBe('7d');
    expect(value.log).toEqual({ level: 'info', calls: 'failures' });
  });

  test('flags win over the environment, and that over the file', () => {
    const file = 'data_dir: /file\nlisten:\n  api: file:1\n  enrolment: file:2\n';
    const env = {
      ISOBAR_CONTROLLER_DATA_DIR: '/env',
      ISOBAR_CONTROLLER_LISTEN_API: 'env:1',
      PATH: '/bin',
    };
    const flags = { dataDir: '/flag', 'listen.api': undefined };
    const { value, origins } = controller(sources(file, { env, flags }));
    expect(value.dataDir).toBe('/flag');
    expect(value.listen).toMatchObject({
      api: 'env:1',
      enrolment: 'file:2',
      metrics: '127.0.0.1:7422',
    });
    expect(Object.fromEntries(origins)).toEqual({
      data_dir: '--data-dir',
      'listen.api': 'ISOBAR_CONTROLLER_LISTEN_API',
      'listen.enrolment': 'isobar.yaml:4:3',
    });
  });

  test('text becomes what the setting is', () => {
    const env = {
      ISOBAR_CONTROLLER_LISTEN_NAMES: 'a.example,10.0.0.1',
      ISOBAR_CONTROLLER_LIMITS_CALLS_PER_SECOND: '50',
    };
    expect(controller(sources(undefined, { env })).value).toMatchObject({
      listen: { names: ['a.example', '10.0.0.1'] },
      limits: { callsPerSecond: 50 },
    });
  });

  test('an agent hands its executor whatever options it has, under their own names', () => {
    const text =
      'controllers: [c:7420]\nexecutor:\n  kind: kubernetes\n  options: {kube_context: a, name_space: {x_y: 1}}\n';
    const loaded = loadAgentConfig(sources(text));
    expect(loaded).toMatchObject({
      value: {
        executor: { kind: 'kubernetes', options: { kube_context: 'a', name_space: { x_y: 1 } } },
      },
    });
  });
});

describe('what is wrong', () => {
  test('is told all at once, each with its place', () => {
    const text = [
      'data_dirr: /x',
      'listen:',
      '  api: nowhere',
      '  port: 5',
      'retention:',
      '  archive: 1m',
      'log:',
      '  level: loud',
    ].join('\n');
    const env = { ISOBAR_CONTROLLER_STOP_GRACE: 'soon', ISOBAR_CONTROLLER_NONSENSE: '1' };
    const flags = { 'limits.callsPerSecond': 'many' };
    expect(wrongIn(loadControllerConfig, sources(text, { env, flags })).toSorted()).toEqual([
      expect.stringMatching(
        /^--limits-calls-per-second: limits\.calls_per_second: .*expected number/,
      ),
      expect.stringMatching(
        /^ISOBAR_CONTROLLER_NONSENSE: is no setting; there are ISOBAR_CONTROLLER_DATA_DIR, /,
      ),
      'ISOBAR_CONTROLLER_STOP_GRACE: stop_grace: must be a number with a unit: ms, s, m, h or d, for example 12h',
      expect.stringMatching(
        /^isobar\.yaml:1:1: data_dirr: is no setting; here there are data_dir, listen, /,
      ),
      'isobar.yaml:3:3: listen.api: must be host:port, for example 0.0.0.0:7420',
      'isobar.yaml:4:3: listen.port: is no setting; here there are api, enrolment, metrics, names',
      'isobar.yaml:6:3: retention.archive: must be from 1d to 3650d',
      expect.stringMatching(/^isobar\.yaml:8:3: log\.level: Invalid option/),
    ]);
  });

  test.each([
    ['a file that is no YAML', 'listen: [', /^isobar\.yaml:1:\d+: /],
    ['a file that is no map', '- a\n', /^isobar\.yaml: must be a map of settings/],
    ['a key that stands there twice', 'data_dir: a\ndata_dir: b\n', /^isobar\.yaml:2:1: /],
    ['a value where a group should be', 'listen: here\n', /^isobar\.yaml:1:1: listen: /],
    ['an element of a list', 'listen:\n  names: [a, 5]\n', /^isobar\.yaml:2:3: listen\.names\.1: /],
  ])('%s', (_, text, expected) => {
    expect(wrongIn(loadControllerConfig, sources(text))).toEqual([expect.stringMatching(expected)]);
  });

  test('what must be there and is not', () => {
    expect(wrongIn(loadAgentConfig, sources('demo: true\n'))).toEqual([
      expect.stringMatching(/^isobar\.yaml: controllers: /),
    ]);
    expect(wrongIn(loadAgentConfig, sources())).toEqual([
      expect.stringMatching(/^configuration: controllers: /),
    ]);
  });
});

test('what is in force is shown with where it comes from, and no secret', () => {
  const text =
    'controllers: [c:7420]\nexecutor:\n  kind: slurm\n  options: {user: x, api_token: hunter2, nested: {password: hunter2}}\n';
  const loaded = loadAgentConfig(sources(text, { env: { ISOBAR_AGENT_SITE: '/etc/site.yaml' } }));
  if (loaded.kind === 'wrong') throw new Error(formatFindings(loaded.findings));
  const shown = renderConfig(loaded.value, loaded.origins);
  expect(shown).toContain('site: /etc/site.yaml # ISOBAR_AGENT_SITE\n');
  expect(shown).toContain('kind: slurm # isobar.yaml:3:3\n');
  expect(shown).toContain('data_dir: .isobar/agent # default\n');
  expect(shown).toContain('[hidden]');
  expect(shown).not.toContain('hunter2');
});

test('durations', () => {
  expect([toMs('250ms'), toMs('90s'), toMs('12h'), toMs('30d')]).toEqual([
    250, 90_000, 43_200_000, 2_592_000_000,
  ]);
  expect(toMs('1 week')).toBeNaN();
});
