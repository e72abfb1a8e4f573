import { expect, test } from 'vitest';
import { makeLogger, scrub } from './logger.ts';

const TOKEN = `isobar-${'0a'.repeat(8)}-${'1b'.repeat(32)}-${'2c'.repeat(32)}`;
const KEY = '-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----';

function logTo(format: 'json' | 'text', level?: 'warn') {
  const lines: string[] = [];
  const log = makeLogger({
    process: 'controller',
    format,
    level,
    write: (line) => lines.push(line),
  });
  return { log, lines };
}

test('machines get JSON with level, time, process and fields', () => {
  const { log, lines } = logTo('json');
  log.warn('slow', { seconds: 1.5, request_id: 'r1', reason: undefined });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'warn',
    message: 'slow',
    seconds: 1.5,
    request_id: 'r1',
    process: 'controller',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
  });
});

test('people get a short line, and a stack below it', () => {
  const { log, lines } = logTo('text');
  log.error('a handler failed', {
    method: 'Get',
    why: 'two words',
    empty: '',
    error: 'Error: x\n  at y',
  });
  expect(lines).toEqual([
    expect.stringMatching(
      /^\d\d:\d\d:\d\d\.\d{3} ERROR a handler failed method=Get why="two words" empty=""\n {2}error: Error: x\n {4}at y\n$/,
    ),
  ]);
});

test('what is below the level is not written', () => {
  const { log, lines } = logTo('text', 'warn');
  log.info('chatter');
  log.warn('heed this');
  expect(lines).toHaveLength(1);
});

test.each<[string, Readonly<Record<string, string>>]>([
  [
    'under a name that says it',
    { token: 'abc123', clientSecret: 'abc123', Authorization: 'abc123', key_pem: 'abc123' },
  ],
  ['in the middle of a message', { error: `refused ${TOKEN}: abc` }],
  ['in a key that something quoted', { error: `cannot parse ${KEY}!` }],
])('a secret is hidden %s', (_, fields) => {
  const text = JSON.stringify(scrub(fields));
  expect(text).toContain('[hidden]');
  expect(text).not.toMatch(/abc123|1b1b|MIGH/);
});

test('a secret is hidden in the message itself, and harmless fields stay', () => {
  const { log, lines } = logTo('json');
  log.info(`made ${TOKEN}`, { tokens: 3, request_id: 'isobar-1', serial: '4a0b' });
  expect(lines[0]).not.toContain('1b1b');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    message: 'made [hidden]',
    tokens: 3,
    request_id: 'isobar-1',
    serial: '4a0b',
  });
});
