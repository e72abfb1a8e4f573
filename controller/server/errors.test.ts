import { status } from '@grpc/grpc-js';
import { fromJSON, type PackageDefinition } from '@grpc/proto-loader';
import { describe, expect, test } from 'vitest';
import { refuse, refuseFields, REFUSAL_CODES, type Refusal } from '#domain/refusal.ts';
import { internalError, RefusalError, refusalIn, toStatus } from './errors.ts';
import { encodeStatus } from './rpc-status.ts';

// The published field numbers of google/rpc/status.proto and google/rpc/error_details.proto.
const text = (id: number) => ({ type: 'string', id });
const pair = (first: string) => ({ fields: { [first]: text(1), description: text(2) } });
const SCHEMA = {
  nested: {
    Any: { fields: { type_url: text(1), value: { type: 'bytes', id: 2 } } },
    Duration: { fields: { seconds: { type: 'int64', id: 1 }, nanos: { type: 'int32', id: 2 } } },
    Status: {
      fields: {
        code: { type: 'int32', id: 1 },
        message: text(2),
        details: { rule: 'repeated', type: 'Any', id: 3 },
      },
    },
    ErrorInfo: {
      fields: {
        reason: text(1),
        domain: text(2),
        metadata: { keyType: 'string', type: 'string', id: 3 },
      },
    },
    RetryInfo: { fields: { retry_delay: { type: 'Duration', id: 1 } } },
    FieldViolation: pair('field'),
    BadRequest: {
      fields: { field_violations: { rule: 'repeated', type: 'FieldViolation', id: 1 } },
    },
    Violation: pair('subject'),
    QuotaFailure: { fields: { violations: { rule: 'repeated', type: 'Violation', id: 1 } } },
    Reader: {
      methods: Object.fromEntries(
        ['Status', 'ErrorInfo', 'RetryInfo', 'BadRequest', 'QuotaFailure'].map((type) => [
          type,
          { requestType: type, responseType: type },
        ]),
      ),
    },
  },
};
// The types of fromJSON know neither maps nor methods without options; it reads both.
const schema: PackageDefinition = fromJSON(SCHEMA as Parameters<typeof fromJSON>[0], {
  keepCase: true,
  longs: Number,
});

function decode(type: string, bytes: Uint8Array): unknown {
  const reader = schema['Reader'];
  if (reader === undefined || 'format' in reader) throw new Error('no service');
  const method = reader[type];
  if (method === undefined) throw new Error(`no ${type}`);
  return method.requestDeserialize(Buffer.from(bytes));
}

function decodeAll(refusal: Refusal): { code: number; message: string; details: unknown[] } {
  const decoded = decode('Status', encodeStatus(refusal)) as {
    code: number;
    message: string;
    details: { type_url: string; value: Uint8Array }[];
  };
  const details = decoded.details.map(({ type_url, value }) => {
    const type = type_url.replace('type.googleapis.com/google.rpc.', '');
    return { type, ...(decode(type, value) as object) };
  });
  return { ...decoded, details };
}

test('the codes are those of gRPC', () => {
  for (const [name, code] of Object.entries(REFUSAL_CODES)) {
    expect(status[name as keyof typeof status]).toBe(code);
  }
});

describe('a status on the wire', () => {
  test('has the reason, its domain and its values', () => {
    const refusal = refuse('OUT_OF_RANGE', 'COMPACTED', 'The log no longer goes back to 7.', {
      metadata: { oldest_revision: '1000', asked: '7' },
    });
    expect(decodeAll(refusal)).toEqual({
      code: 11,
      message: 'The log no longer goes back to 7.',
      details: [
        {
          type: 'ErrorInfo',
          reason: 'COMPACTED',
          domain: 'isobar.internal',
          metadata: { oldest_revision: '1000', asked: '7' },
        },
      ],
    });
  });

  test('has every wrong field', () => {
    const violations = [
      { field: 'jobs[0].spec.groups', description: 'at least one' },
      { field: 'parent', description: 'must be tenants/{tenant}' },
    ];
    expect(decodeAll(refuseFields(violations))).toMatchObject({
      code: 3,
      message: 'jobs[0].spec.groups: at least one (and 1 more)',
      details: [{ reason: 'INVALID_FIELDS' }, { type: 'BadRequest', field_violations: violations }],
    });
  });

  test('has the limit that is used up and when to come back', () => {
    const quota = [{ subject: 'tenants/energy', description: '1,000,000 of 1,000,000 queued' }];
    const refusal = refuse('RESOURCE_EXHAUSTED', 'QUEUE_FULL', 'Wait.', {
      quota,
      retryAfterMs: 1500,
    });
    expect(decodeAll(refusal).details).toMatchObject([
      { type: 'ErrorInfo' },
      { type: 'RetryInfo', retry_delay: { seconds: 1, nanos: 500_000_000 } },
      { type: 'QuotaFailure', violations: quota },
    ]);
  });

  test('fits into the headers that clients take, however much is wrong', () => {
    const violations = Array.from({ length: 10_000 }, (_, i) => ({
      field: `jobs[${i}].spec.groups[0].command`,
      description: 'x'.repeat(1000),
    }));
    const refusal = { ...refuseFields(violations), message: 'ä'.repeat(5000) };
    const { details, metadata } = toStatus(refusal, 'r');
    const header = metadata.toHttp2Headers()['grpc-status-details-bin'];
    expect(String(header).length + encodeURI(details).length).toBeLessThan(8192);
    const { field_violations: listed } = decodeAll(refusal).details[1] as {
      field_violations: { field: string; description: string }[];
    };
    expect(listed[0]?.field).toBe('jobs[0].spec.groups[0].command');
    expect(listed.at(-1)).toEqual({
      field: '',
      description: `and ${10_000 - listed.length + 1} more that did not fit here`,
    });
  });

  test('survives text that is no text', () => {
    const { details } = toStatus(refuse('NOT_FOUND', 'NOT_FOUND', 'lone \uD800 half'), 'r');
    expect(() => encodeURI(details)).not.toThrow();
  });
});

test('a refusal is found whether it is thrown or wrapped, and nothing else is one', () => {
  const refusal = refuse('ABORTED', 'ETAG', 'Read it again.');
  expect(refusalIn(new RefusalError(refusal))).toBe(refusal);
  expect(refusalIn(refusal)).toBe(refusal);
  expect(refusalIn(new Error('disk on fire'))).toBeUndefined();
  expect(refusalIn(undefined)).toBeUndefined();
});

test('a defect tells the caller its request id and nothing of what went wrong', () => {
  const { details, metadata } = toStatus(internalError('abc'), 'abc');
  expect(details).toContain('abc');
  expect(metadata.get('x-request-id')).toEqual(['abc']);
});
