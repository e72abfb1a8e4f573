import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Role } from '#gen/isobar/v1/user.ts';
import {
  authorize,
  authorizeConcern,
  effectiveRoles,
  FEDERATION,
  grantableRoles,
  NOT_FOUND,
  ofTenant,
  relationOf,
  scopeOf,
  VISIBLE,
  type Concern,
} from './authorize.ts';
import type { Identity } from './identity.ts';
import { isMethodPath, POLICY, rowOf, type MethodPath, type Relation } from './policy.ts';

const tree: Record<string, string> = { nation: '', energy: 'nation', grid: 'energy', health: '' };
const parentOf = (tenant: string): string | undefined => tree[tenant];

const anna: Identity = { kind: 'user', tenant: 'energy', user: 'anna' };
const omar: Identity = { kind: 'operator', user: 'omar' };
const agent: Identity = { kind: 'agent', dataCenter: 'north-1' };

const everyRole = Object.values(Role);
const methods = Object.keys(POLICY).filter(isMethodPath);
const relations: readonly Relation[] = ['own', 'descendant', 'other', 'federation'];

/** `ok`, or the code of the refusal. */
function verdict(
  identity: Identity | undefined,
  roles: readonly Role[],
  method: MethodPath,
  concern: Concern = FEDERATION,
): string {
  return authorizeConcern(identity, roles, method, concern, parentOf)?.code ?? 'ok';
}

const JOBS = '/isobar.v1.JobService';

describe('the table', () => {
  test('has a row for every method of every proto file and for nothing else of ours', () => {
    const folder = new URL('../../proto/isobar/v1/', import.meta.url);
    const declared = readdirSync(folder).flatMap((file) => {
      const source = readFileSync(new URL(file, folder), 'utf8');
      let service = '';
      return source.split('\n').flatMap((line) => {
        service = /^service (\w+)/.exec(line)?.[1] ?? service;
        const rpc = /^\s+rpc (\w+)\(/.exec(line)?.[1];
        return rpc === undefined ? [] : [`/isobar.v1.${service}/${rpc}`];
      });
    });
    expect(methods.filter((path) => path.startsWith('/isobar.')).toSorted()).toEqual(
      declared.toSorted(),
    );
  });

  test.each<[string, Identity, readonly Role[], MethodPath, string, string]>([
    ['a viewer reads own jobs', anna, [Role.VIEWER], `${JOBS}/GetJob`, 'energy', 'ok'],
    [
      'a viewer submits nothing',
      anna,
      [Role.VIEWER],
      `${JOBS}/SubmitJob`,
      'energy',
      'PERMISSION_DENIED',
    ],
    ['a submitter submits', anna, [Role.SUBMITTER], `${JOBS}/SubmitJob`, 'energy', 'ok'],
    [
      'below, a submitter sees nothing',
      anna,
      [Role.SUBMITTER],
      `${JOBS}/SubmitJob`,
      'grid',
      'NOT_FOUND',
    ],
    [
      'above, nobody sees anything',
      anna,
      [Role.TENANT_ADMIN],
      `${JOBS}/GetJob`,
      'nation',
      'NOT_FOUND',
    ],
    ['beside, nobody sees anything', anna, everyRole, `${JOBS}/GetJob`, 'health', 'NOT_FOUND'],
    ['what is not there looks the same', anna, everyRole, `${JOBS}/GetJob`, 'no-such', 'NOT_FOUND'],
    ['an administrator acts below', anna, [Role.TENANT_ADMIN], `${JOBS}/CancelJobs`, 'grid', 'ok'],
    [
      'an auditor knows what is below and may not touch it',
      anna,
      [Role.AUDITOR],
      `${JOBS}/CancelJobs`,
      'grid',
      'PERMISSION_DENIED',
    ],
    [
      'an auditor counts what is below',
      anna,
      [Role.AUDITOR],
      '/isobar.v1.UsageService/QueryUsage',
      'grid',
      'ok',
    ],
    [
      'nobody raises the own quota',
      anna,
      everyRole,
      '/isobar.v1.TenantService/UpdateTenant',
      'energy',
      'PERMISSION_DENIED',
    ],
    [
      'an administrator raises one below',
      anna,
      [Role.TENANT_ADMIN],
      '/isobar.v1.TenantService/UpdateTenant',
      'grid',
      'ok',
    ],
    ['an operator cancels anywhere', omar, [Role.OPERATOR], `${JOBS}/CancelJobs`, 'grid', 'ok'],
    [
      'an operator reads no output',
      omar,
      [Role.OPERATOR],
      `${JOBS}/ReadLogs`,
      'grid',
      'PERMISSION_DENIED',
    ],
    [
      'an operator submits in nobody’s name',
      omar,
      [Role.OPERATOR],
      `${JOBS}/SubmitJobs`,
      'grid',
      'PERMISSION_DENIED',
    ],
    [
      'a provisioner sees no tenant',
      omar,
      [Role.PROVISIONER],
      `${JOBS}/GetJob`,
      'grid',
      'NOT_FOUND',
    ],
    [
      'an agent is told nothing of tenants',
      agent,
      everyRole,
      `${JOBS}/GetJob`,
      'grid',
      'PERMISSION_DENIED',
    ],
  ])('%s', (_, identity, roles, method, tenant, expected) => {
    expect(verdict(identity, roles, method, ofTenant(tenant))).toBe(expected);
  });

  test.each<[string, Identity | undefined, readonly Role[], MethodPath, string]>([
    ['every member sees the totals', anna, [], '/isobar.v1.FederationService/GetFederation', 'ok'],
    [
      'every member sees data centers',
      anna,
      [],
      '/isobar.v1.DataCenterService/ListDataCenters',
      'ok',
    ],
    [
      'members drain nothing',
      anna,
      everyRole,
      '/isobar.v1.DataCenterService/DrainDataCenter',
      'PERMISSION_DENIED',
    ],
    [
      'provisioners register',
      omar,
      [Role.PROVISIONER],
      '/isobar.v1.DataCenterService/CreateDataCenter',
      'ok',
    ],
    [
      'provisioners drain nothing',
      omar,
      [Role.PROVISIONER],
      '/isobar.v1.DataCenterService/DrainDataCenter',
      'PERMISSION_DENIED',
    ],
    ['operators back up', omar, [Role.OPERATOR], '/isobar.v1.FederationService/Backup', 'ok'],
    [
      'a tenant’s auditor exports no audit of others',
      anna,
      [Role.AUDITOR],
      '/isobar.v1.AuditService/ExportAudit',
      'PERMISSION_DENIED',
    ],
    [
      'the federation’s auditor exports it',
      omar,
      [Role.AUDITOR],
      '/isobar.v1.AuditService/ExportAudit',
      'ok',
    ],
    ['agents connect', agent, [], '/isobar.v1.AgentService/Connect', 'ok'],
    [
      'people are no agents',
      omar,
      everyRole,
      '/isobar.v1.AgentService/Connect',
      'PERMISSION_DENIED',
    ],
    ['agents renew', agent, [], '/isobar.v1.CertificateService/RenewCertificate', 'ok'],
    [
      'agents read no totals',
      agent,
      [],
      '/isobar.v1.FederationService/GetFederation',
      'PERMISSION_DENIED',
    ],
    ['agents may ask for health', agent, [], '/grpc.health.v1.Health/Check', 'ok'],
    [
      'nobody enrols with a certificate',
      agent,
      [],
      '/isobar.v1.EnrolmentService/Enroll',
      'PERMISSION_DENIED',
    ],
    ['whoever has none enrols', undefined, [], '/isobar.v1.EnrolmentService/Enroll', 'ok'],
    [
      'and does nothing else',
      undefined,
      everyRole,
      '/isobar.v1.FederationService/GetFederation',
      'PERMISSION_DENIED',
    ],
  ])('%s', (_, identity, roles, method, expected) => {
    expect(verdict(identity, roles, method)).toBe(expected);
  });
});

describe('whatever the roles', () => {
  const someRoles = fc.subarray([...everyRole]);
  const someMethod = fc.constantFrom(...methods);

  test('a tenant’s user is allowed nothing in a tenant that is not its own or below it', () => {
    fc.assert(
      fc.property(someRoles, someMethod, (roles, method) => {
        const row = rowOf(method);
        fc.pre(typeof row === 'object');
        expect(authorize(anna, roles, method, 'other')).toBe(NOT_FOUND);
      }),
    );
  });

  test('an agent calls the two services that are meant for agents, health and reflection', () => {
    fc.assert(
      fc.property(
        someRoles,
        someMethod,
        fc.constantFrom(...relations),
        (roles, method, relation) => {
          const meant = /AgentService|CertificateService|^\/grpc\./.test(method);
          expect(authorize(agent, roles, method, relation) === undefined).toBe(meant);
        },
      ),
    );
  });

  test('a person without a role sees what is public and no more', () => {
    for (const method of methods) {
      for (const relation of relations) {
        const row = rowOf(method);
        const open = row === 'people' || row === 'members';
        expect([method, authorize(anna, [], method, relation) === undefined]).toEqual([
          method,
          open,
        ]);
        expect(authorize(omar, [Role.UNSPECIFIED], method, relation) === undefined).toBe(open);
      }
    }
  });
});

test('roles count where they belong', () => {
  expect(effectiveRoles(anna, [Role.OPERATOR, Role.PROVISIONER, Role.VIEWER])).toEqual(['viewer']);
  expect(effectiveRoles(omar, [Role.TENANT_ADMIN, Role.OPERATOR])).toEqual(['operator']);
  expect(grantableRoles('energy')).not.toContain(Role.OPERATOR);
  expect(grantableRoles('')).toEqual([Role.AUDITOR, Role.PROVISIONER, Role.OPERATOR]);
});

test('relations follow the tree, and a loop in it ends', () => {
  expect(relationOf(anna, 'energy', parentOf)).toBe('own');
  expect(relationOf(anna, 'grid', parentOf)).toBe('descendant');
  expect(relationOf(anna, 'nation', parentOf)).toBe('other');
  expect(relationOf(anna, 'missing', parentOf)).toBe('other');
  expect(relationOf(omar, 'grid', parentOf)).toBe('other');
  expect(relationOf(anna, 'a', (tenant) => (tenant === 'a' ? 'b' : 'a'))).toBe('other');
});

test('a list over everything is answered for what the caller may see', () => {
  const list: MethodPath = `${JOBS}/ListJobs`;
  expect(verdict(anna, [Role.VIEWER], list, VISIBLE)).toBe('ok');
  expect([...scopeOf(anna, [Role.VIEWER], list)]).toEqual(['own']);
  expect([...scopeOf(anna, [Role.TENANT_ADMIN], list)]).toEqual(['own', 'descendant']);
  expect([...scopeOf(omar, [Role.OPERATOR], list)]).toEqual(['other']);
  // Nothing is named that could be hidden, so the answer is plain.
  expect(verdict(omar, [Role.PROVISIONER], list, VISIBLE)).toBe('PERMISSION_DENIED');
});
