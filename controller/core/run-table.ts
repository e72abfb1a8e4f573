// Live runs in columns, and the room that each holds: a list of allocations, each on one node.
import type { RunState } from '#domain/states.ts';
import { grown, NONE, Rows } from './columns.ts';

export class RunTable extends Rows {
  /** Row of the job; NONE: the row is free. */
  job = new Int32Array();
  index = new Uint32Array();
  state = new Uint8Array();
  /** Index of the data center of the first part. */
  dataCenter = new Uint16Array();
  reserveMs = new Float64Array();
  /** 0: not started. */
  startMs = new Float64Array();
  /** First allocation. */
  allocation = new Int32Array();
  /** Terms of the score, for people. */
  readonly decision: string[] = [];

  add(job: number, index: number, state: RunState, reserveMs: number): number {
    const row = this.takeRow();
    this.job[row] = job;
    this.index[row] = index;
    this.state[row] = state;
    this.reserveMs[row] = reserveMs;
    this.startMs[row] = 0;
    this.allocation[row] = NONE;
    this.decision[row] = '';
    return row;
  }

  remove(row: number): void {
    this.job[row] = NONE;
    this.decision[row] = '';
    this.freeRow(row);
  }

  stateOf(row: number): RunState {
    // Only run states are ever written to the column.
    return this.state[row] as RunState;
  }

  protected grow(capacity: number): void {
    this.job = grown(this.job, capacity);
    this.index = grown(this.index, capacity);
    this.state = grown(this.state, capacity);
    this.dataCenter = grown(this.dataCenter, capacity);
    this.reserveMs = grown(this.reserveMs, capacity);
    this.startMs = grown(this.startMs, capacity);
    this.allocation = grown(this.allocation, capacity);
  }
}

/** A device of a node, or a share of it. */
export interface HeldDevice {
  readonly device: number;
  readonly thousandths: number;
}

export class AllocationTable extends Rows {
  node = new Int32Array();
  group = new Uint16Array();
  tasks = new Uint32Array();
  /** Next allocation of the same run, or NONE. */
  next = new Int32Array();
  readonly devices = new Map<number, readonly HeldDevice[]>();

  add(
    node: number,
    group: number,
    tasks: number,
    devices: readonly HeldDevice[],
    next: number,
  ): number {
    const row = this.takeRow();
    this.node[row] = node;
    this.group[row] = group;
    this.tasks[row] = tasks;
    this.next[row] = next;
    if (devices.length > 0) this.devices.set(row, devices);
    return row;
  }

  remove(row: number): void {
    this.devices.delete(row);
    this.freeRow(row);
  }

  protected grow(capacity: number): void {
    this.node = grown(this.node, capacity);
    this.group = grown(this.group, capacity);
    this.tasks = grown(this.tasks, capacity);
    this.next = grown(this.next, capacity);
  }
}
