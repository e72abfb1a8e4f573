// Users, tokens and certificates: how somebody comes in, what they are, and how they are kept out again.
import { status, credentials, Client, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DataCenterServiceService as DataCenters } from '#gen/isobar/v1/data_center.ts';
import {
  CertificateServiceService as Certificates,
  EnrolmentServiceService as Enrolment,
  type Certificate,
} from '#gen/isobar/v1/enrolment.ts';
import { EventServiceService as Events, WatchEventsRequest } from '#gen/isobar/v1/event.ts';
import { FederationServiceService as Federation } from '#gen/isobar/v1/federation.ts';
import { Role, UserServiceService as Users } from '#gen/isobar/v1/user.ts';
import { controllerInMemory } from '#simulation/controller.ts';
import { keyToPem, newKeyPair } from '../authority.ts';
import { ask, realClock } from '../testbed.ts';
import { Pkcs10CertificateRequestGenerator } from '../x509.ts';
import { PEOPLE, World, type Person } from './testing.ts';
import { detailsOf } from './testing-details.ts';

const { NOT_FOUND, PERMISSION_DENIED, UNAUTHENTICATED, INVALID_ARGUMENT } = status;

let world: World;
let doorway: Client;
beforeAll(async () => {
  world = await World.open(controllerInMemory(realClock));
  const trusted = credentials.createSsl(Buffer.from(world.authority.certificatePem));
  doorway = new Client(world.enrolment.address, trusted);
});
afterAll(async () => {
  doorway.close();
  await world.close();
});

async function keyAndRequest() {
  const keys = await newKeyPair();
  const made = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  return { keyPem: keyToPem(keys.privateKey), request: Buffer.from(made.rawData) };
}

const sentOf = (token: string) => token.split('-').slice(0, 3).join('-');

/** Trades a token; the answer, the error and the key that the certificate is for. */
async function enrol(token: string) {
  const { keyPem, request } = await keyAndRequest();
  const answered = await ask(doorway, Enrolment.enroll, {
    token: sentOf(token),
    certificateRequest: request,
  });
  return { ...answered, keyPem };
}

function clientWith(keyPem: string, certificate: Certificate | undefined): Client {
  return world.clientWith(keyPem, certificate?.chainPem ?? '');
}

const invite = (parent: string, userId: string, roles: Role[]) => ({ parent, userId, roles });

describe('an invitation', () => {
  test('leads to a certificate, once', async () => {
    const invited = await world.call(
      'ada',
      Users.inviteUser,
      invite('tenants/grid', 'gina', [Role.VIEWER]),
    );
    expect(invited.user).toMatchObject({
      name: 'tenants/grid/users/gina',
      roles: [Role.VIEWER],
      revoked: false,
    });
    const first = await enrol(invited.token);
    expect(first.error).toBeNull();
    expect(first.response?.identity).toBe('spiffe://isobar.internal/tenant/grid/user/gina');
    const second = await enrol(invited.token);
    expect([second.error?.code, detailsOf(second.error).reason]).toEqual([
      UNAUTHENTICATED,
      'TOKEN_INVALID',
    ]);

    const gina = clientWith(first.keyPem, first.response);
    const who = await ask(gina, Users.whoAmI, {});
    expect(who.response).toMatchObject({
      identity: first.response?.identity,
      roles: [Role.VIEWER],
    });
    const { request, keyPem } = await keyAndRequest();
    const renewed = await ask(gina, Certificates.renewCertificate, { certificateRequest: request });
    expect(renewed.response?.identity).toBe(first.response?.identity);
    expect((await ask(clientWith(keyPem, renewed.response), Users.whoAmI, {})).error).toBeNull();
    gina.close();
  });

  test('that is stored is of no use to who reads the log', () => {
    const [token] = [...world.parts.loop.state.tokens.values()];
    expect(token?.entity.secretSha256).toHaveLength(32);
    expect(JSON.stringify([...world.parts.loop.state.tokens.values()])).not.toMatch(
      /isobar-[0-9a-f]{16}-/,
    );
  });

  test('survives a request that cannot be signed', async () => {
    const { token } = await world.call(
      'ada',
      Users.inviteUser,
      invite('tenants/grid', 'gerd', [Role.VIEWER]),
    );
    const garbage = { token: sentOf(token), certificateRequest: Buffer.from('nothing') };
    expect((await ask(doorway, Enrolment.enroll, garbage)).error?.code).toBe(INVALID_ARGUMENT);
    expect((await enrol(token)).error).toBeNull();
  });

  test('that is followed by another one does not work any more', async () => {
    const gabi = invite('tenants/grid', 'gabi', [Role.VIEWER]);
    const old = await world.call('ada', Users.inviteUser, gabi);
    const { token } = await world.call('ada', Users.inviteUser, gabi);
    expect((await enrol(old.token)).error?.code).toBe(UNAUTHENTICATED);
    expect((await enrol(token)).error).toBeNull();
  });

  test.each<[Person, string, Role[], number | undefined]>([
    ['ada', 'tenants/energy', [Role.TENANT_ADMIN], undefined],
    ['ada', 'tenants/grid', [Role.SUBMITTER, Role.AUDITOR], undefined],
    ['ada', 'tenants/health', [Role.VIEWER], NOT_FOUND],
    ['ada', 'tenants/energy', [Role.OPERATOR], INVALID_ARGUMENT],
    ['ada', '', [Role.OPERATOR], PERMISSION_DENIED],
    ['anna', 'tenants/energy', [Role.VIEWER], PERMISSION_DENIED],
    ['omar', '', [Role.PROVISIONER, Role.AUDITOR], undefined],
    ['omar', '', [Role.SUBMITTER], INVALID_ARGUMENT],
    ['pia', '', [Role.OPERATOR], PERMISSION_DENIED],
    ['omar', 'tenants/health', [], INVALID_ARGUMENT],
  ])('by %s into %j with roles %j: %s', async (who, parent, roles, code) => {
    const { error } = await world.ask(who, Users.inviteUser, invite(parent, 'somebody', roles));
    expect(error?.code).toBe(code);
  });
});

test('an agent enrols with a token of its data center and may do what agents do', async () => {
  await world.putDataCenter('north-1');
  const { token } = await world.call('pia', DataCenters.createEnrolmentToken, {
    dataCenter: 'dataCenters/north-1',
  });
  const { response, keyPem } = await enrol(token);
  expect(response?.identity).toBe('spiffe://isobar.internal/agent/north-1');
  const agent = clientWith(keyPem, response);
  expect((await ask(agent, Federation.getFederation, { minRevision: 0 })).error?.code).toBe(
    PERMISSION_DENIED,
  );
  await world.command({ kind: 'deleteDataCenter', id: 'north-1', etag: undefined });
  expect((await ask(agent, Federation.getFederation, { minRevision: 0 })).error?.code).toBe(
    UNAUTHENTICATED,
  );
  agent.close();
});

test('everybody can read the authority at the door, and nothing else', async () => {
  const { response } = await ask(doorway, Enrolment.getAuthority, {});
  expect(response?.authorityPem).toBe(world.authority.certificatePem);
  expect((await ask(doorway, Users.whoAmI, {})).error?.code).toBe(status.UNIMPLEMENTED);
});

describe('a revocation', () => {
  test('ends what is open at once, and all calls after it; an invitation later does not bring old certificates back', async () => {
    const before = await world.newClient(PEOPLE.hana.identity);
    const stream = await world.openStream(
      'hana',
      Events.watchEvents,
      WatchEventsRequest.create({ parent: 'tenants/health' }),
    );
    const ended = new Promise<ServiceError>((resolve) => stream.on('error', resolve));
    await new Promise((resolve) => stream.once('data', resolve));
    const revoked = await world.call('omar', Users.revokeUser, {
      name: 'tenants/health/users/hana',
    });
    expect(revoked.revoked).toBe(true);
    expect([(await ended).code, detailsOf(await ended).reason]).toEqual([
      UNAUTHENTICATED,
      'REVOKED',
    ]);
    expect((await ask(before, Users.whoAmI, {})).error?.code).toBe(UNAUTHENTICATED);

    // As if the certificate had been given out some time before.
    const { token } = await world.call(
      'omar',
      Users.inviteUser,
      invite('tenants/health', 'hana', [Role.VIEWER]),
    );
    const { entity, revision } = world.parts.loop.state.users.get('tenants/health/users/hana')!;
    world.parts.loop.state.users.set('tenants/health/users/hana', {
      entity: { ...entity, createMs: entity.createMs + 5000 },
      revision,
    });
    expect((await ask(before, Users.whoAmI, {})).error?.code).toBe(UNAUTHENTICATED);
    world.parts.loop.state.users.set('tenants/health/users/hana', { entity, revision });
    const again = await enrol(token);
    const who = await ask(clientWith(again.keyPem, again.response), Users.whoAmI, {});
    expect(who.response?.roles).toEqual([Role.VIEWER]);
    before.close();
  });

  test.each<[Person, string, number | undefined]>([
    ['gus', 'tenants/grid/users/gus', PERMISSION_DENIED],
    ['ada', 'tenants/grid/users/gus', undefined],
    ['ada', 'tenants/health/users/hana', NOT_FOUND],
    ['ada', 'operators/omar', PERMISSION_DENIED],
    ['omar', 'operators/nobody', NOT_FOUND],
  ])('by %s of %s: %s', async (who, name, code) => {
    expect((await world.ask(who, Users.revokeUser, { name })).error?.code).toBe(code);
  });
});

test('new roles end the streams of the old ones', async () => {
  const stream = await world.openStream(
    'vera',
    Events.watchEvents,
    WatchEventsRequest.create({ parent: 'tenants/energy' }),
  );
  const ended = new Promise<ServiceError>((resolve) => stream.on('error', resolve));
  await new Promise((resolve) => stream.once('data', resolve));
  await world.call('ada', Users.inviteUser, invite('tenants/energy', 'vera', [Role.AUDITOR]));
  expect(detailsOf(await ended).reason).toBe('ROLES_CHANGED');
});

test('users are listed as far as one may administer them', async () => {
  const names = async (who: Person, parent: string) =>
    (await world.call(who, Users.listUsers, { parent, pageSize: 1000, pageToken: '' })).users.map(
      ({ name }) => name,
    );
  expect(await names('ada', 'tenants/grid')).toContain('tenants/grid/users/gus');
  const all = await names('ada', 'tenants/-');
  expect(all.every((name) => /^tenants\/(energy|grid)\//.test(name))).toBe(true);
  expect(await names('omar', 'tenants/-')).toEqual(
    expect.arrayContaining(['operators/omar', 'tenants/health/users/hana']),
  );
  const denied = await world.ask('anna', Users.listUsers, {
    parent: 'tenants/-',
    pageSize: 0,
    pageToken: '',
  });
  expect(denied.error?.code).toBe(PERMISSION_DENIED);
});
