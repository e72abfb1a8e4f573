import { describe, expect, test } from 'vitest';
import { IsobarError } from '#client/isobar-error.ts';
import { canned } from './canned.ts';
import { DataCenterState } from '#client/types.ts';
import { HISTORY, NORTH } from './fixture.ts';
import { startTestbed } from './testbed.ts';

async function output(...argv: string[]): Promise<string> {
  await using bed = await startTestbed(canned());
  const { code, out, err } = await bed.run(...argv);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
}

describe('isobar describe', () => {
  test('a job: what was asked for, where it is, what happened to it', async () => {
    expect(await output('describe', 'job', 'train-7')).toMatchInlineSnapshot(`
      "Name:              train-7
      Tenant:            health
      Uid:               4711
      User:              anna
      Set:               night
      Labels:            team=vision
      State:             running
      Priority:          10
      Runs:              2
      Accepted:          2026-11-21 10:53:20 (1h6m ago)
      Started:           2026-11-21 11:56:48
      Runs at most:      2h
      Attempts:          up to 3, after exit codes 75
      After:             prepare
      When unreachable:  replace

      Group main:
        Tasks:        3
        Each needs:   4 CPU, 16 GiB memory, 1 A100
        Command:      python train.py --note 'it'\\''s night'
        Image:        train:1
        Environment:  MODE=full, TOKEN (secret)

      Where it may run:
        Regions:      north
        Node labels:  disk=nvme

      Newest run:
        Run:       0-2
        State:     running
        Reserved:  2026-11-21 11:56:40
        Started:   2026-11-21 11:56:48
        Ran for:   3m12s
        Decision:  room 0.41, balance 0.30, distance 0.10

      Its placement:
        DATA CENTER  NODE  GROUP  TASKS  DEVICES
        north-1      n01       0      2  0
        north-1      n03       0      1  1 (25%)

      History:
        TIME (UTC)  KIND            RUN  STATE       WHERE     REASON
        11:05:00    JOB_SUBMITTED     -  queued      -
        11:05:10    RUN_RESERVED      1  reserved    coast-1
        11:05:20    RUN_CHANGED       1  unknown     coast-1   its data center was not heard from for longer than its lease
        11:05:30    RUN_RESERVED      2  reserved    north-1
        11:05:40    RUN_CHANGED       2  running     north-1
      "
    `);
  });
  test('a job that failed: its last lines', async () => {
    expect(await output('describe', 'job', 'health/broken')).toMatchInlineSnapshot(`
      "Name:              broken
      Tenant:            health
      Uid:               4700
      User:              bert
      State:             failed
      Reason:            exit code 3
      Priority:          0
      Exit code:         3
      Runs:              1
      Accepted:          2026-11-21 09:28:20 (2h31m ago)
      Started:           2026-11-21 09:30:00
      Ended:             2026-11-21 09:30:12
      Attempts:          1
      When unreachable:  replace

      Newest run:
        Run:        0-1
        State:      failed
        Started:    2026-11-21 09:30:00
        Ended:      2026-11-21 09:30:12
        Ran for:    12s
        Exit code:  3

      Last lines:
        loading
        no such table:  [31mpatients
      "
    `);
  });
  test('a data center', async () => {
    expect(await output('describe', 'dc', 'north-1')).toMatchInlineSnapshot(`
      "Name:          north-1
      Display name:  Northern computing center
      Class:         national
      Region:        north
      Location:      54.3, 10.1
      Owner:         the nation
      State:         active
      Agent:         kubernetes, connected, its engine decides the node
      Labels:        cooling=water,tier=one
      Clearance:     secret
      Accepts:       all tenants
      Offers:        image, mpi
      Lease:         10m
      Price:         0.021 per CPU hour
      Live runs:     34
      Registered:    2026-10-12 12:00:00 (40d ago)

      Resources:
        RESOURCE  CAPACITY  OUR RUNS  OTHERS     FREE
        CPU            384     150.5      12    221.5
        memory     1.5 TiB   600 GiB  40 GiB  896 GiB
        storage     20 TiB     1 TiB       0   19 TiB
        GPU              8       3.5       0      4.5

      Nodes (2 of 12; isobar get nodes --data-center north-1):
        NAME         ROLE     STATE     CPU         MEMORY                       GPU
        north-1/n01  gpu      ready      80% of 64   75% of 256 GiB  1.5/2 A100 free
        north-1/n02  general  cordoned    0% of 32    0% of 128 GiB                -
      "
    `);
  });
  test('a node', async () => {
    expect(await output('describe', 'node', 'north-1/n01')).toMatchInlineSnapshot(`
      "Name:         north-1/n01
      Data center:  north-1
      Role:         gpu
      State:        takes new runs
      Labels:       disk=nvme
      Allocatable:  64 CPU, 256 GiB memory
      Others use:   2 CPU, 8 GiB memory
      Free:         12.5 CPU, 64 GiB memory

      Devices:
        DEVICE  MODEL  MEMORY  FREE
             0  A100   40 GiB  100%
             1  A100   40 GiB   50%
      "
    `);
  });
  test('a tenant', async () => {
    expect(await output('describe', 'tenant', 'health')).toMatchInlineSnapshot(`
      "Name:          health
      Display name:  Ministry of Health
      Parent:        none, a root
      Weight:        200
      Clearance:     confidential
      Queued jobs:   12 of at most 1000000
      Running jobs:  30
      Added:         2026-10-12 12:00:00 (40d ago)

      Held by live runs of its subtree:
        RESOURCE     HELD     QUOTA
        CPU           410       500
        memory    700 GiB     2 TiB
        storage         0  no limit
        GPU             0  no limit
      "
    `);
  });
  test('a link, a user and a run', async () => {
    expect(await output('describe', 'ln', 'north-south')).toContain(
      'Between:    north-1 and south-1',
    );
    expect(await output('describe', 'user', 'anna')).toContain('Roles:    submitter,tenant-admin');
    expect(await output('describe', 'run', 'train-7/2')).toContain('Run:       0-2');
  });

  test('what the log no longer keeps of the history is left out', async () => {
    await using bed = await startTestbed(
      canned({
        watchEvents: ({ fromRevision }) => {
          if (fromRevision >= 720) return [{ revision: 905, events: HISTORY.slice(3) }];
          throw new IsobarError('compacted', {
            code: 'OUT_OF_RANGE',
            reason: 'COMPACTED',
            metadata: { oldest_revision: '720' },
          });
        },
      }),
    );
    const { out } = await bed.run('describe', 'job', 'train-7');
    expect(out).toMatch(/RUN_CHANGED +2 +running/);
    expect(out).not.toContain('JOB_SUBMITTED');
  });

  test('a data center that has left: what can be done with it, and nobody misses its agent', async () => {
    const left = { ...NORTH, state: DataCenterState.LEFT, reachable: false };
    const listDataCenters = () => ({ dataCenters: [left], nextPageToken: '', revision: 905 });
    await using bed = await startTestbed(canned({ getDataCenter: () => left, listDataCenters }));
    const { out } = await bed.runWith({ terminal: true }, 'describe', 'dc', 'north-1');
    expect(out).toMatch(/State: .*left: uncordon brings it back, delete removes it\n/);
    expect(out).toMatch(/Agent: .* kubernetes, not connected, its engine decides the node\n/);
    expect((await bed.run('get', 'dc')).out).toMatch(/north-1 .* left /);
  });

  test('a history that cannot be read does not hide the rest', async () => {
    await using bed = await startTestbed(
      canned({
        watchEvents: () => {
          throw new IsobarError('no', { code: 'PERMISSION_DENIED', reason: 'NO' });
        },
      }),
    );
    const { code, out } = await bed.run('describe', 'job', 'train-7');
    expect(code).toBe(0);
    expect(out).toContain('History:\n  could not be read\n');
  });
});
