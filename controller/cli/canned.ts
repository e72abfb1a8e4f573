// The answers of the small federation, for tests that change a few of them.
import type { FakeHandlers } from '#client/fake-controller.ts';
import { IsobarError } from '#client/isobar-error.ts';
import { idOf } from '#client/names.ts';
import * as f from './fixture.ts';

const end = { nextPageToken: '', revision: 905 };

function find<T extends { name: string }>(items: readonly T[], name: string): T {
  const found = items.find((item) => item.name === name);
  if (found !== undefined) return found;
  throw new IsobarError(`${name} is not known`, { code: 'NOT_FOUND', reason: 'NOT_FOUND' });
}

export function canned(others: FakeHandlers = {}): FakeHandlers {
  return {
    listDataCenters: () => ({ dataCenters: [f.COAST, f.NORTH, f.SOUTH], ...end }),
    getDataCenter: ({ name }) => find([f.COAST, f.NORTH, f.SOUTH], name),
    listNodes: () => ({ nodes: [f.NODE, f.NODE_2], ...end }),
    getNode: ({ name }) => find([f.NODE, f.NODE_2], name),
    listJobs: ({ states }) => ({
      jobs: [f.TRAIN, f.EVALUATE, f.BROKEN].filter(
        ({ state }) => states.length === 0 || states.includes(state),
      ),
      ...end,
    }),
    getJob: ({ name }) => find([f.TRAIN, f.EVALUATE, f.BROKEN], name),
    listRuns: () => ({ runs: [f.RUN], ...end }),
    listTenants: () => ({ tenants: [f.CLINICS, f.HEALTH], ...end }),
    getTenant: ({ name }) => find([f.CLINICS, f.HEALTH], name),
    listLinks: () => ({ links: [f.LINK], ...end }),
    getLink: ({ name }) => find([f.LINK], name),
    listUsers: () => ({ users: [f.ANNA, f.OLGA], nextPageToken: '' }),
    getUser: ({ name }) => find([f.ANNA, f.OLGA], name),
    getFederation: () => f.FEDERATION,
    watchEvents: ({ parent, job }) => [
      {
        revision: 905,
        events:
          parent === ''
            ? []
            : f.HISTORY.filter(({ resource }) => job === '' || idOf(resource) === job),
      },
    ],
    explainJob: () => f.WHY,
    queryUsage: () => f.USAGE,
    ...others,
  };
}
