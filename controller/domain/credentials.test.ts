import { describe, expect, test } from 'vitest';
import { credentialIn, credentialInVariable } from './credentials.ts';

describe('a variable that holds a credential', () => {
  test.each([
    ['DB_PASSWORD', 'hunter2!', 'a password'],
    ['PGPASSWORD', 'postgres', 'a password'],
    ['SSH_PASSPHRASE', 'correct-horse', 'a password'],
    ['API_TOKEN', 'b7f3Zk29QxLm84TvRc1Yw6Hn', 'a credential'],
    ['AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'an AWS secret key'],
    [
      'SESSION_SECRET',
      '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      'a credential',
    ],
    ['ANYTHING', 'AKIAIOSFODNN7EXAMPLE', 'an AWS access key'],
    [
      'ANYTHING',
      'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9',
      'a JSON web token',
    ],
    ['ANYTHING', `ghp_${'a1B2'.repeat(9)}`, 'a GitHub token'],
    ['ANYTHING', `isobar-${'0'.repeat(16)}-${'a'.repeat(64)}`, 'an enrolment token'],
    ['DATABASE_URL', 'postgres://app:s3cr3t@db.example/energy', 'a password in a URL'],
    ['KEY_MATERIAL', '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE', 'a private key'],
  ])('%s=%s is %s', (name, value, what) => {
    expect(credentialInVariable(name, value)).toBe(what);
  });
});

describe('a variable that holds none', () => {
  test.each([
    ['MODE', 'fast'],
    ['OMP_NUM_THREADS', '16'],
    ['DB_PASSWORD', '${DB_PASSWORD}'],
    ['DB_PASSWORD', '<from the vault>'],
    ['DB_PASSWORD_FILE', '/run/secrets/db'],
    ['DB_PASSWORD', '/run/secrets/db'],
    ['USE_PASSWORD', 'false'],
    ['PASSWORD', ''],
    ['SORT_KEY', 'customer_id'],
    ['CACHE_KEY', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
    ['PARTITION_KEY', 'b7f3Zk29QxLm84TvRc1Yw6Hn'],
    ['PUBLIC_KEY', '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI'],
    ['END_TOKEN', '<|endoftext|>'],
    ['MAX_TOKEN', '4096'],
    ['PAD_TOKEN', 'special_padding_token_of_the_model'],
    ['PRIMARY_KEY', 'measurement_timestamp_in_milliseconds'],
    ['API_KEY', 'test-key'],
    ['TOKEN', 'LlamaTokenizerFastVersion20240101'],
    ['MONKEY', 'chimpanzee'],
    ['COMMIT', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b'],
    ['IMAGE_DIGEST', 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
    ['DATA_URL', 'https://data.example/grid/2024?format=csv'],
    ['DATABASE_URL', 'postgres://app@db.example:5432/energy'],
    ['DATABASE_URL', 'postgres://app:$DB_PASSWORD@db.example/energy'],
    ['RUN_ID', '7d9f2c1e-5b1a-4f0e-9d57-1f1a2b3c4d5e'],
    ['PATH', '/usr/local/bin:/usr/bin:/bin'],
    ['PYTHONHASHSEED', '0'],
  ])('%s=%s', (name, value) => {
    expect(credentialInVariable(name, value)).toBeUndefined();
  });
});

test('scripts and inputs are full of long words and are no credentials', () => {
  const script = `set -euo pipefail
    curl --fail https://data.example/inputs/v2/grid.parquet -o grid.parquet
    python3 -m solver --input grid.parquet --seed 1234567890 --tolerance 1e-9
    echo "-----BEGIN CERTIFICATE-----" >> ca.pem`;
  expect(credentialIn(script)).toBeUndefined();
});

test('a key in the middle of a file is found', () => {
  const text = `${'x'.repeat(10_000)}\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r`;
  expect(credentialIn(text)).toBe('a private key');
});
