import { Metadata } from '@grpc/grpc-js';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeDetails, decodeStatus } from './errors.ts';

// Written by another implementation (protobufjs with the published field numbers) for code 8 with ErrorInfo, RetryInfo of
// 1.5 s, QuotaFailure and BadRequest with two fields.
const FOREIGN =
  'CAgSBXdhaXQhGlgKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5FcnJvckluZm8SLAoKUVVFVUVfRlVMTBIPaXNvYmFyLmludGVybmFsGg0KBWxpbWl0EgQxMDAwGjYKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8SCgoICAEQgMq17gEaUAordHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlF1b3RhRmFpbHVyZRIhCh8KDnRlbmFudHMvZW5lcmd5Eg0xMDAwIG9mIDEwMDAgGlsKKXR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5CYWRSZXF1ZXN0Ei4KGAoGcGFyZW50Eg5tdXN0IGJlIGEgbmFtZQoSCgRqb2JzEgphdCBsZWFzdCAx';

test('details that another implementation wrote are read', () => {
  expect(decodeStatus(Buffer.from(FOREIGN, 'base64'))).toEqual({
    reason: 'QUEUE_FULL',
    metadata: { limit: '1000' },
    retryAfterMs: 1500,
    quota: [{ subject: 'tenants/energy', description: '1000 of 1000 ' }],
    violations: [
      { field: 'parent', description: 'must be a name' },
      { field: 'jobs', description: 'at least 1' },
    ],
  });
});

test('an error without details, or with somebody else’s bytes, has none', () => {
  const nothing = { reason: '', metadata: {}, violations: [], quota: [], retryAfterMs: undefined };
  expect(decodeDetails(new Metadata())).toEqual(nothing);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const metadata = new Metadata();
      metadata.set('grpc-status-details-bin', Buffer.from(bytes));
      expect(() => decodeDetails(metadata)).not.toThrow();
    }),
  );
});
