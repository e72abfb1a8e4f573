import { describe, expect, test } from 'vitest';
import { didYouMean } from './near-miss.ts';
import { fromDuration, parseCpu, parseDuration, parseSize, toDuration } from './quantities.ts';

test.each([
  ['2', 2000],
  ['0.5', 500],
  ['500m', 500],
  ['0.0001', 1],
  ['1.1', 1100],
  ['', undefined],
  ['two', undefined],
  ['-1', undefined],
  ['5k', undefined],
])('%s CPU is %s millis', (text, millis) => expect(parseCpu(text)).toBe(millis));

test.each([
  ['4Gi', 4096],
  ['512Mi', 512],
  ['1T', 953_675],
  ['1Ki', 1],
  ['1.5 GiB', 1536],
  ['1Pi', 2 ** 30],
  ['4', undefined],
  ['4gi', undefined],
  ['lots', undefined],
])('%s is %s MiB', (text, mib) => expect(parseSize(text)).toBe(mib));

test.each([
  ['90s', 90_000],
  ['10m', 600_000],
  ['1h30m', 5_400_000],
  ['1h 30m', 5_400_000],
  ['250ms', 250],
  ['2d', 172_800_000],
  ['0', 0],
  ['10', undefined],
  ['m', undefined],
  ['soon', undefined],
])('%s is %s ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

test('a duration keeps its milliseconds on the way through protobuf', () => {
  expect(toDuration(1500)).toEqual({ seconds: 1, nanos: 500_000_000 });
  expect(fromDuration(toDuration(1500))).toBe(1500);
});

describe('a slip of the hand', () => {
  test.each([
    ['comand', '; did you mean command?'],
    ['jbo', '; did you mean job?'],
    ['replcias', '; did you mean replicas?'],
    ['banana', ''],
  ])('%s%s', (word, meant) => {
    expect(didYouMean(word, ['job', 'command', 'replicas'])).toBe(meant);
  });
});
