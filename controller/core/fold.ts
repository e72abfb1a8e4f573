// Fold: what happened becomes state. Deterministic and total; the only writer of decided state. It is given nothing but the
// record, so that a replay makes the same state as the day itself.
import type { Event } from '#gen/isobar/log/v1/event.ts';
import { foldDataCenterDeleted, foldDataCenterPut, foldDataCenterState } from './data-centers.ts';
import { foldJobChanged, foldJobForgotten, foldJobReclassed, foldJobSubmitted } from './jobs.ts';
import { foldClassDefined } from './classes.ts';
import { foldLinkDeleted, foldLinkPut } from './links.ts';
import { foldNodeCordoned, foldNodesPut, foldNodesRemoved } from './nodes.ts';
import { foldTokenCreated, foldTokenUsed, foldUserPut } from './people.ts';
import { foldRunChanged, foldRunReserved } from './runs.ts';
import type { State } from './state.ts';
import { foldTenantDeleted, foldTenantPut } from './tenants.ts';
import { foldUsageBooked } from './usage.ts';

/** Folds one record: all of its events have its revision and its time. */
export function foldRecord(
  state: State,
  revision: number,
  timeMs: number,
  events: readonly Event[],
): void {
  if (revision !== state.revision + 1) {
    throw new Error(`record ${revision} does not follow revision ${state.revision}`);
  }
  state.revision = revision;
  state.timeMs = timeMs;
  for (const event of events) fold(state, event);
}

function fold(state: State, event: Event): void {
  const kind = event.kind;
  switch (kind?.$case) {
    case 'federationFounded':
      state.federation = kind.value.federation;
      state.incarnation = kind.value.incarnation;
      return;
    case 'tenantPut':
      return foldTenantPut(state, kind.value);
    case 'tenantDeleted':
      return foldTenantDeleted(state, kind.value.id);
    case 'userPut':
      return foldUserPut(state, kind.value);
    case 'tokenCreated':
      return foldTokenCreated(state, kind.value);
    case 'tokenUsed':
      return foldTokenUsed(state, kind.value.id);
    case 'certificateIssued':
      // For the audit and for people; who may call is decided by the user, not by the certificate.
      return;
    case 'dataCenterPut':
      return foldDataCenterPut(state, kind.value);
    case 'dataCenterDeleted':
      return foldDataCenterDeleted(state, kind.value.id);
    case 'dataCenterStateChanged':
      return foldDataCenterState(state, kind.value);
    case 'nodesPut':
      return foldNodesPut(state, kind.value);
    case 'nodesRemoved':
      return foldNodesRemoved(state, kind.value);
    case 'nodeCordoned':
      return foldNodeCordoned(state, kind.value);
    case 'linkPut':
      return foldLinkPut(state, kind.value);
    case 'linkDeleted':
      return foldLinkDeleted(state, kind.value.id);
    case 'classDefined':
      return foldClassDefined(state, kind.value);
    case 'jobSubmitted':
      return foldJobSubmitted(state, kind.value);
    case 'jobChanged':
      return foldJobChanged(state, kind.value);
    case 'jobReclassed':
      return foldJobReclassed(state, kind.value);
    case 'runReserved':
      return foldRunReserved(state, kind.value);
    case 'runChanged':
      return foldRunChanged(state, kind.value);
    case 'jobForgotten':
      return foldJobForgotten(state, kind.value);
    case 'usageBooked':
      return foldUsageBooked(state, kind.value);
    case undefined:
      throw new Error(`revision ${state.revision} holds an event that this release does not know`);
    default:
      kind satisfies never;
  }
}
