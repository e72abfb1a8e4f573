// A channel to the controllers of a context, as the identity in its folder.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Channel, type ChannelOptions, credentials } from '@grpc/grpc-js';
import { IsobarError } from './isobar-error.ts';

const OPTIONS: ChannelOptions = {
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
};

export async function openChannel(
  addresses: readonly string[],
  identityDir: string,
): Promise<Channel> {
  const read = (file: string): Buffer => readIdentity(join(identityDir, file));
  const creds = credentials.createSsl(
    read('authority.pem'),
    read('key.pem'),
    read('certificate.pem'),
  );
  return new Channel(`ipv4:${addresses.join(',')}`, creds, OPTIONS);
}

function readIdentity(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new IsobarError(`no identity: ${file} cannot be read`, {
      code: 'UNAUTHENTICATED',
      reason: 'NO_IDENTITY',
      cause,
    });
  }
}
