import { credentials } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { FederationServiceService } from '#gen/isobar/v1/federation.ts';
import { targetOf } from './addresses.ts';
import { channelWith } from './channel.ts';
import { makeClient } from './rpc.ts';

test.each([
  '',
  'host',
  'host:',
  ':7420',
  'host:port',
  'host:70000',
  'a b:1',
  '::1:7420',
  'https://host:1',
])('%j is no address, and the message says what one is', (address) => {
  expect(() => targetOf(['127.0.0.1:7420', address])).toThrow(/host:port/);
});

test('names, numbers and both families make one target', () => {
  expect(targetOf(['ctl.example:7420', '10.0.0.1:1', '[::1]:2'])).toBe(
    'isobar:ctl.example:7420,10.0.0.1:1,[::1]:2',
  );
  expect(() => targetOf([])).toThrow(/no address/);
});

// Port 1 of loopback refuses. The call is tried again, and a channel that looked its addresses up at once whenever it is
// asked to would spin meanwhile without end.
test.concurrent.each([
  ['a number where nobody listens', '127.0.0.1:1', /refused|No connection/i],
  ['a name where nobody listens', 'localhost:1', /refused|No connection/i],
  ['a name that nobody has', 'no-such.invalid:1', /no-such\.invalid/],
])('%s is given up in time', async (_, address, expected) => {
  const channel = channelWith([address], credentials.createInsecure());
  try {
    const service = makeClient(FederationServiceService, channel);
    await expect(service.getFederation({ minRevision: 0 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(expected),
    });
  } finally {
    channel.close();
  }
});
