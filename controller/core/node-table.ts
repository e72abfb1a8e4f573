// Nodes and their devices in columns. Free room = allocatable − foreign − held by our runs; it is kept as it changes, because
// the scheduler reads it for every placement, and `allocated` is computed from the other three when a person asks.
import { WHOLE_DEVICE } from '#domain/resources.ts';
import { grown, Interned, NONE, Rows } from './columns.ts';

/** What a node offers besides room, shared by all nodes that offer the same. */
export interface NodeKind {
  readonly role: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface NodeDescription extends NodeKind {
  readonly id: string;
  readonly cpuMillis: number;
  readonly memoryMib: number;
  readonly storageMib: number;
  readonly extra: Readonly<Record<string, number>>;
  readonly devices: readonly { readonly model: string; readonly memoryMib: number }[];
}

/** Amounts of one named extra on one node. */
export interface ExtraRoom {
  allocatable: number;
  free: number;
}

/** The devices of one node are consecutive rows; those of a node that is gone serve the next one with as many. */
class DeviceTable extends Rows {
  model = new Uint16Array();
  memoryMib = new Int32Array();
  freeThousandths = new Int16Array();
  readonly models = new Interned();
  /** First rows of what was freed, by how many. */
  readonly #freed = new Map<number, number[]>();

  /** The first row, or NONE if there are no devices. */
  add(devices: NodeDescription['devices']): number {
    if (devices.length === 0) return NONE;
    let first = this.#freed.get(devices.length)?.pop();
    if (first === undefined) {
      first = this.end;
      for (let i = 0; i < devices.length; i++) this.takeRow();
    } else this.live += devices.length;
    for (const [i, device] of devices.entries()) {
      this.model[first + i] = this.models.numberOf(device.model);
      this.memoryMib[first + i] = device.memoryMib;
      this.freeThousandths[first + i] = WHOLE_DEVICE;
    }
    return first;
  }

  remove(first: number, count: number): void {
    if (count === 0) return;
    this.live -= count;
    const freed = this.#freed.get(count);
    if (freed === undefined) this.#freed.set(count, [first]);
    else freed.push(first);
  }

  protected grow(capacity: number): void {
    this.model = grown(this.model, capacity);
    this.memoryMib = grown(this.memoryMib, capacity);
    this.freeThousandths = grown(this.freeThousandths, capacity);
  }
}

export class NodeTable extends Rows {
  /** Index of its data center. */
  dataCenter = new Uint16Array();
  /** 1: takes no new runs. */
  cordoned = new Uint8Array();
  /** 1: gone, but runs still hold room on it. */
  removed = new Uint8Array();
  kind = new Uint32Array();
  cpuMillis = new Int32Array();
  memoryMib = new Int32Array();
  storageMib = new Int32Array();
  foreignCpuMillis = new Int32Array();
  foreignMemoryMib = new Int32Array();
  foreignStorageMib = new Int32Array();
  /** May fall below zero when others take what we hold. */
  freeCpuMillis = new Int32Array();
  freeMemoryMib = new Int32Array();
  freeStorageMib = new Int32Array();
  /** Its devices are consecutive rows of `devices`. */
  firstDevice = new Int32Array();
  deviceCount = new Uint16Array();
  /** Allocations of live runs. */
  allocations = new Uint32Array();
  revision = new Float64Array();
  /** Where it is in the pool of its data center, or NONE. */
  poolPosition = new Int32Array();
  readonly id: string[] = [];
  readonly extras = new Map<number, Map<string, ExtraRoom>>();
  readonly devices = new DeviceTable();
  readonly kinds: NodeKind[] = [];
  readonly #kindNumbers = new Map<string, number>();

  add(dataCenter: number, node: NodeDescription): number {
    const row = this.takeRow();
    this.id[row] = node.id;
    this.dataCenter[row] = dataCenter;
    this.cordoned[row] = 0;
    this.removed[row] = 0;
    this.allocations[row] = 0;
    for (const column of [this.cpuMillis, this.memoryMib, this.storageMib]) column[row] = 0;
    for (const column of [this.foreignCpuMillis, this.foreignMemoryMib, this.foreignStorageMib])
      column[row] = 0;
    for (const column of [this.freeCpuMillis, this.freeMemoryMib, this.freeStorageMib])
      column[row] = 0;
    this.firstDevice[row] = NONE;
    this.deviceCount[row] = 0;
    this.poolPosition[row] = NONE;
    this.extras.delete(row);
    this.describe(row, node);
    return row;
  }

  /** Takes over a new description; what runs hold stays held. True: its devices are new, and look as if none were held. */
  describe(row: number, node: NodeDescription): boolean {
    this.removed[row] = 0;
    this.kind[row] = this.#kindOf(node);
    this.#resize(row, node);
    this.#describeExtras(row, node.extra);
    if (this.#hasDevices(row, node.devices)) return false;
    this.devices.remove(this.firstDevice[row]!, this.deviceCount[row]!);
    this.deviceCount[row] = node.devices.length;
    this.firstDevice[row] = this.devices.add(node.devices);
    return true;
  }

  setForeign(row: number, cpuMillis: number, memoryMib: number, storageMib: number): void {
    this.freeCpuMillis[row]! += this.foreignCpuMillis[row]! - cpuMillis;
    this.freeMemoryMib[row]! += this.foreignMemoryMib[row]! - memoryMib;
    this.freeStorageMib[row]! += this.foreignStorageMib[row]! - storageMib;
    this.foreignCpuMillis[row] = cpuMillis;
    this.foreignMemoryMib[row] = memoryMib;
    this.foreignStorageMib[row] = storageMib;
  }

  remove(row: number): void {
    this.devices.remove(this.firstDevice[row]!, this.deviceCount[row]!);
    this.extras.delete(row);
    this.id[row] = '';
    this.freeRow(row);
  }

  kindOf(row: number): NodeKind {
    // Every row was given a kind when it was added.
    return this.kinds[this.kind[row]!]!;
  }

  descriptionOf(row: number): NodeDescription {
    const devices = [];
    for (let i = 0; i < this.deviceCount[row]!; i++) {
      const at = this.firstDevice[row]! + i;
      devices.push({
        model: this.devices.models.valueOf(this.devices.model[at]!),
        memoryMib: this.devices.memoryMib[at]!,
      });
    }
    const extra: Record<string, number> = {};
    for (const [name, room] of this.extras.get(row) ?? [])
      if (room.allocatable > 0) extra[name] = room.allocatable;
    return {
      ...this.kindOf(row),
      id: this.id[row]!,
      cpuMillis: this.cpuMillis[row]!,
      memoryMib: this.memoryMib[row]!,
      storageMib: this.storageMib[row]!,
      extra,
      devices,
    };
  }

  #resize(row: number, node: NodeDescription): void {
    this.freeCpuMillis[row]! += node.cpuMillis - this.cpuMillis[row]!;
    this.freeMemoryMib[row]! += node.memoryMib - this.memoryMib[row]!;
    this.freeStorageMib[row]! += node.storageMib - this.storageMib[row]!;
    this.cpuMillis[row] = node.cpuMillis;
    this.memoryMib[row] = node.memoryMib;
    this.storageMib[row] = node.storageMib;
  }

  /** The room of a named extra, also if the node has none of it: what is held of it must not be forgotten. */
  extraOf(row: number, name: string): ExtraRoom {
    let rooms = this.extras.get(row);
    if (rooms === undefined) this.extras.set(row, (rooms = new Map()));
    let room = rooms.get(name);
    if (room === undefined) rooms.set(name, (room = { allocatable: 0, free: 0 }));
    return room;
  }

  #describeExtras(row: number, extra: Readonly<Record<string, number>>): void {
    const before = this.extras.get(row);
    const names = new Set([...(before?.keys() ?? []), ...Object.keys(extra)]);
    for (const name of names) {
      const room = this.extraOf(row, name);
      room.free += (extra[name] ?? 0) - room.allocatable;
      room.allocatable = extra[name] ?? 0;
    }
  }

  #hasDevices(row: number, devices: NodeDescription['devices']): boolean {
    if (this.deviceCount[row] !== devices.length) return false;
    return devices.every((device, i) => {
      const at = this.firstDevice[row]! + i;
      return (
        this.devices.models.valueOf(this.devices.model[at]!) === device.model &&
        this.devices.memoryMib[at] === device.memoryMib
      );
    });
  }

  #kindOf(node: NodeKind): number {
    const labels = Object.entries(node.labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([node.role, labels]);
    let number = this.#kindNumbers.get(key);
    if (number === undefined) {
      number = this.kinds.length;
      this.kinds.push({ role: node.role, labels: Object.fromEntries(labels) });
      this.#kindNumbers.set(key, number);
    }
    return number;
  }

  protected grow(capacity: number): void {
    this.dataCenter = grown(this.dataCenter, capacity);
    this.cordoned = grown(this.cordoned, capacity);
    this.removed = grown(this.removed, capacity);
    this.kind = grown(this.kind, capacity);
    this.cpuMillis = grown(this.cpuMillis, capacity);
    this.memoryMib = grown(this.memoryMib, capacity);
    this.storageMib = grown(this.storageMib, capacity);
    this.foreignCpuMillis = grown(this.foreignCpuMillis, capacity);
    this.foreignMemoryMib = grown(this.foreignMemoryMib, capacity);
    this.foreignStorageMib = grown(this.foreignStorageMib, capacity);
    this.freeCpuMillis = grown(this.freeCpuMillis, capacity);
    this.freeMemoryMib = grown(this.freeMemoryMib, capacity);
    this.freeStorageMib = grown(this.freeStorageMib, capacity);
    this.firstDevice = grown(this.firstDevice, capacity);
    this.deviceCount = grown(this.deviceCount, capacity);
    this.allocations = grown(this.allocations, capacity);
    this.revision = grown(this.revision, capacity);
    this.poolPosition = grown(this.poolPosition, capacity);
  }
}
