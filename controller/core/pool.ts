// The nodes of one data center in blocks, each with an upper bound of what any of its nodes has free. A search skips blocks
// that cannot have room; bounds rise at once and are tightened when a search found that they promised too much.
import { grown, NONE } from './columns.ts';
import type { NodeTable } from './node-table.ts';

export const BLOCK = 64;

/** The most that any one node may have free, each amount for itself. */
export interface Bound {
  readonly cpuMillis: number;
  readonly memoryMib: number;
  readonly storageMib: number;
}

export class Pool {
  /** Rows of the nodes; removed nodes are not in it. */
  rows = new Int32Array(0);
  length = 0;
  boundCpuMillis = new Int32Array(0);
  boundMemoryMib = new Int32Array(0);
  boundStorageMib = new Int32Array(0);

  get blocks(): number {
    return Math.ceil(this.length / BLOCK);
  }

  has(nodes: NodeTable, row: number): boolean {
    return this.#positionOf(nodes, row) !== NONE;
  }

  add(nodes: NodeTable, row: number): void {
    if (this.length === this.rows.length) this.#grow();
    this.rows[this.length] = row;
    nodes.poolPosition[row] = this.length;
    this.length++;
    this.raise(nodes, row);
  }

  /** The last node takes its place. */
  remove(nodes: NodeTable, row: number): void {
    const at = this.#positionOf(nodes, row);
    if (at === NONE) return;
    const last = this.rows[this.length - 1]!;
    nodes.poolPosition[row] = NONE;
    this.length--;
    if (last === row) return;
    this.rows[at] = last;
    nodes.poolPosition[last] = at;
    this.raise(nodes, last);
  }

  /** The node may have more free than before. */
  raise(nodes: NodeTable, row: number): void {
    const at = this.#positionOf(nodes, row);
    if (at === NONE) return;
    const block = Math.floor(at / BLOCK);
    const cpu = nodes.freeCpuMillis[row]!;
    const memory = nodes.freeMemoryMib[row]!;
    const storage = nodes.freeStorageMib[row]!;
    if (cpu > this.boundCpuMillis[block]!) this.boundCpuMillis[block] = cpu;
    if (memory > this.boundMemoryMib[block]!) this.boundMemoryMib[block] = memory;
    if (storage > this.boundStorageMib[block]!) this.boundStorageMib[block] = storage;
  }

  /** Of all blocks. */
  bound(): Bound {
    let [cpuMillis, memoryMib, storageMib] = [0, 0, 0];
    for (let block = 0; block < this.blocks; block++) {
      cpuMillis = Math.max(cpuMillis, this.boundCpuMillis[block]!);
      memoryMib = Math.max(memoryMib, this.boundMemoryMib[block]!);
      storageMib = Math.max(storageMib, this.boundStorageMib[block]!);
    }
    return { cpuMillis, memoryMib, storageMib };
  }

  /** Makes the bounds of a block exact. */
  tighten(nodes: NodeTable, block: number): void {
    let cpu = 0;
    let memory = 0;
    let storage = 0;
    const end = Math.min((block + 1) * BLOCK, this.length);
    for (let at = block * BLOCK; at < end; at++) {
      const row = this.rows[at]!;
      cpu = Math.max(cpu, nodes.freeCpuMillis[row]!);
      memory = Math.max(memory, nodes.freeMemoryMib[row]!);
      storage = Math.max(storage, nodes.freeStorageMib[row]!);
    }
    this.boundCpuMillis[block] = cpu;
    this.boundMemoryMib[block] = memory;
    this.boundStorageMib[block] = storage;
  }

  /** What the column says counts only if the row is there: a pool that was made anew does not hold all that the old one held. */
  #positionOf(nodes: NodeTable, row: number): number {
    const at = nodes.poolPosition[row]!;
    return at >= 0 && at < this.length && this.rows[at] === row ? at : NONE;
  }

  #grow(): void {
    const capacity = Math.max(BLOCK, this.rows.length * 2);
    this.rows = grown(this.rows, capacity);
    this.boundCpuMillis = grown(this.boundCpuMillis, capacity / BLOCK);
    this.boundMemoryMib = grown(this.boundMemoryMib, capacity / BLOCK);
    this.boundStorageMib = grown(this.boundStorageMib, capacity / BLOCK);
  }
}
