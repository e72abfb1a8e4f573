// Observe: what agents report of the moment. Never logged; unknown after a restart until the agent reports again.
import { toColumn } from './nodes.ts';
import { addAmounts, grew } from './room.ts';
import type { DataCenter, Session, State } from './state.ts';

export type Observation =
  | {
      readonly kind: 'sessionOpened';
      readonly dataCenter: string;
      readonly number: number;
      readonly credit: number;
    }
  | { readonly kind: 'sessionClosed'; readonly dataCenter: string; readonly number: number }
  | { readonly kind: 'leaseOver'; readonly dataCenter: string }
  | { readonly kind: 'unacknowledged'; readonly dataCenter: string; readonly count: number }
  | {
      readonly kind: 'foreignUse';
      readonly dataCenter: string;
      readonly node: string;
      readonly cpuMillis: number;
      readonly memoryMib: number;
      readonly storageMib: number;
    };

export function observe(state: State, report: Observation): void {
  const dataCenter = state.dataCenters.get(report.dataCenter);
  if (dataCenter === undefined) return;
  switch (report.kind) {
    case 'sessionOpened': {
      const { number, credit } = report;
      dataCenter.session = { number, credit, unacknowledged: 0 } satisfies Session;
      dataCenter.isLeaseOver = false;
      grew(state, dataCenter);
      return;
    }
    case 'sessionClosed':
      // A newer session has taken its place.
      if (dataCenter.session?.number === report.number) dataCenter.session = undefined;
      return;
    case 'leaseOver':
      dataCenter.isLeaseOver = dataCenter.session === undefined;
      return;
    case 'unacknowledged':
      observeCredit(state, dataCenter, report.count);
      return;
    case 'foreignUse':
      observeForeign(state, dataCenter, report);
      return;
    default:
      report satisfies never;
  }
}

function observeCredit(state: State, dataCenter: DataCenter, count: number): void {
  const { session } = dataCenter;
  if (session === undefined) return;
  const wasFull = session.unacknowledged >= session.credit;
  session.unacknowledged = count;
  if (wasFull && count < session.credit) grew(state, dataCenter);
}

function observeForeign(
  state: State,
  dataCenter: DataCenter,
  report: Extract<Observation, { readonly kind: 'foreignUse' }>,
): void {
  const { nodes } = state;
  const row = dataCenter.nodes.get(report.node);
  if (row === undefined || nodes.removed[row] === 1) return;
  const more = [
    toColumn(report.cpuMillis) - nodes.foreignCpuMillis[row]!,
    toColumn(report.memoryMib) - nodes.foreignMemoryMib[row]!,
    toColumn(report.storageMib) - nodes.foreignStorageMib[row]!,
  ];
  addAmounts(dataCenter.foreign, more, 1);
  nodes.setForeign(
    row,
    toColumn(report.cpuMillis),
    toColumn(report.memoryMib),
    toColumn(report.storageMib),
  );
  if (!more.some((amount) => amount < 0)) return;
  dataCenter.pool.raise(nodes, row);
  grew(state, dataCenter);
}
