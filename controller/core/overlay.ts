// Room that is about to be taken but is not in the state yet: by the decisions of a pass until they are folded, by a what-if
// until it is thrown away. The state is never copied.
import { WHOLE_DEVICE } from '#domain/resources.ts';
import type { DeviceNeed, TaskShape } from '#gen/isobar/log/v1/entity.ts';
import type { HeldDevice } from './run-table.ts';
import { classOfRun } from './room.ts';
import {
  allocationsOf,
  noAmounts,
  type Amounts,
  type JobClass,
  type State,
  type Tenant,
} from './state.ts';

export class Overlay {
  readonly #state: State;
  /** By page of rows, for each row CPU, memory and storage: few nodes are taken, and nodes are many. */
  readonly #pages: (number[] | undefined)[] = [];
  #touched: number[] = [];
  readonly #extras = new Map<number, Map<string, number>>();
  /** Thousandths taken of a device row. */
  readonly #devices = new Map<number, number>();
  readonly #tenants = new Map<Tenant, { own: Amounts; subtree: Amounts }>();
  /** Assignments by index of the data center. */
  readonly #assignments = new Map<number, number>();
  /** Nodes that take nothing, whatever the state says. */
  #closed: Set<number> | undefined;
  #hasMore = false;

  constructor(state: State) {
    this.#state = state;
  }

  clear(): void {
    for (const row of this.#touched)
      this.#pages[pageOf(row)]?.fill(0, offsetOf(row), offsetOf(row) + 3);
    this.#touched = [];
    // To clear an empty map makes it anew, and most slices take no devices.
    for (const map of [this.#extras, this.#devices, this.#tenants, this.#assignments])
      if (map.size > 0) map.clear();
    this.#closed = undefined;
    this.#hasMore = false;
  }

  /** Supposes that a node is cordoned. */
  close(row: number): void {
    (this.#closed ??= new Set()).add(row);
  }

  /** Supposes that a run has ended: its nodes and its tenants' quotas have room again. */
  vacate(run: number): void {
    const { allocations } = this.#state;
    const jobClass = classOfRun(this.#state, run);
    for (const at of allocationsOf(this.#state, run)) {
      const shape = jobClass.entity.groups[allocations.group[at]!];
      if (shape === undefined) continue;
      const held = allocations.devices.get(at) ?? [];
      this.giveBack(allocations.node[at]!, shape, allocations.tasks[at]!, held);
    }
    this.#charge(jobClass, -1);
    this.#hasMore = true;
  }

  /** There is room beyond that of the state: what the state's pools say of it does not bound it. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  freeCpuMillis(row: number): number {
    return this.#state.nodes.freeCpuMillis[row]! - (this.#pages[pageOf(row)]?.[offsetOf(row)] ?? 0);
  }

  freeMemoryMib(row: number): number {
    return (
      this.#state.nodes.freeMemoryMib[row]! - (this.#pages[pageOf(row)]?.[offsetOf(row) + 1] ?? 0)
    );
  }

  freeStorageMib(row: number): number {
    return (
      this.#state.nodes.freeStorageMib[row]! - (this.#pages[pageOf(row)]?.[offsetOf(row) + 2] ?? 0)
    );
  }

  freeExtra(row: number, name: string): number {
    const free = this.#state.nodes.extras.get(row)?.get(name)?.free ?? 0;
    return free - (this.#extras.get(row)?.get(name) ?? 0);
  }

  freeThousandths(device: number): number {
    return this.#state.nodes.devices.freeThousandths[device]! - (this.#devices.get(device) ?? 0);
  }

  /** Tasks of the shape that fit on a node now, at most `atMost`, as far as all but devices go. */
  countOnNode(row: number, shape: TaskShape, atMost: number): number {
    if (this.#closed?.has(row) === true) return 0;
    const asked = shape.resources;
    if (asked === undefined) return atMost;
    let count = atMost;
    if (asked.cpuMillis > 0)
      count = Math.min(count, Math.floor(this.freeCpuMillis(row) / asked.cpuMillis));
    if (asked.memoryMib > 0)
      count = Math.min(count, Math.floor(this.freeMemoryMib(row) / asked.memoryMib));
    if (asked.storageMib > 0)
      count = Math.min(count, Math.floor(this.freeStorageMib(row) / asked.storageMib));
    for (const name in asked.extra) {
      if (asked.extra[name]! > 0)
        count = Math.min(count, Math.floor(this.freeExtra(row, name) / asked.extra[name]!));
    }
    return Math.max(0, count);
  }

  /**
   * Devices for one task: a share goes where the least is left that still suffices, so that whole devices stay whole. The
   * same device serves one need of a task only, and those that say most of it choose first. Undefined: there are not enough.
   */
  pickDevices(row: number, needs: readonly DeviceNeed[]): readonly HeldDevice[] | undefined {
    const { nodes } = this.#state;
    const first = nodes.firstDevice[row]!;
    const held: HeldDevice[] = [];
    for (const need of needs.length > 1 ? needs.toSorted(strictestFirst) : needs) {
      for (let i = 0; i < need.count; i++) {
        let best = -1;
        let bestFree = WHOLE_DEVICE + 1;
        for (let device = 0; device < nodes.deviceCount[row]!; device++) {
          if (held.some((other) => other.device === device) || !this.#suits(first + device, need))
            continue;
          const free = this.freeThousandths(first + device);
          if (free >= need.thousandths && free < bestFree) {
            best = device;
            bestFree = free;
          }
        }
        if (best < 0) return undefined;
        held.push({ device: best, thousandths: need.thousandths });
      }
    }
    return held;
  }

  /** Thousandths on a node that could serve the need: of devices that suit and have as much of each as it asks for. */
  usableThousandths(row: number, need: DeviceNeed): number {
    const { nodes } = this.#state;
    let usable = 0;
    for (let i = 0; i < nodes.deviceCount[row]!; i++) {
      const device = nodes.firstDevice[row]! + i;
      if (this.#suits(device, need) && this.freeThousandths(device) >= need.thousandths)
        usable += need.thousandths;
    }
    return usable;
  }

  #suits(device: number, need: DeviceNeed): boolean {
    const { devices } = this.#state.nodes;
    if (devices.memoryMib[device]! < need.memoryMib) return false;
    return need.model === '' || devices.models.valueOf(devices.model[device]!) === need.model;
  }

  take(row: number, shape: TaskShape, tasks: number, held: readonly HeldDevice[]): void {
    const page = this.#pageFor(row);
    const at = offsetOf(row);
    const asked = shape.resources;
    this.#touched.push(row);
    page[at]! += (asked?.cpuMillis ?? 0) * tasks;
    page[at + 1]! += (asked?.memoryMib ?? 0) * tasks;
    page[at + 2]! += (asked?.storageMib ?? 0) * tasks;
    for (const name in asked?.extra) {
      let taken = this.#extras.get(row);
      if (taken === undefined) this.#extras.set(row, (taken = new Map()));
      taken.set(name, (taken.get(name) ?? 0) + asked.extra[name]! * tasks);
    }
    for (const { device, thousandths } of held) {
      const deviceRow = this.#state.nodes.firstDevice[row]! + device;
      this.#devices.set(deviceRow, (this.#devices.get(deviceRow) ?? 0) + thousandths);
    }
  }

  #pageFor(row: number): number[] {
    const number = pageOf(row);
    // One after the other: an array with holes is slow.
    while (this.#pages.length <= number) this.#pages.push(undefined);
    return (this.#pages[number] ??= EMPTY_PAGE.slice());
  }

  /** Undoes a `take` with the same arguments. */
  giveBack(row: number, shape: TaskShape, tasks: number, held: readonly HeldDevice[]): void {
    this.take(
      row,
      shape,
      -tasks,
      held.map(({ device, thousandths }) => ({ device, thousandths: -thousandths })),
    );
  }

  /** A job of the class counts against its tenants' quotas and the data center's credit. */
  count(jobClass: JobClass, dataCenter: number): void {
    this.#assignments.set(dataCenter, this.assignments(dataCenter) + 1);
    this.#charge(jobClass, 1);
  }

  #charge(jobClass: JobClass, sign: 1 | -1): void {
    for (
      let tenant: Tenant | undefined = jobClass.tenant;
      tenant !== undefined;
      tenant = tenant.parent
    ) {
      let taken = this.#tenants.get(tenant);
      if (taken === undefined)
        this.#tenants.set(tenant, (taken = { own: noAmounts(), subtree: noAmounts() }));
      for (let i = 0; i < 4; i++) {
        taken.subtree[i]! += jobClass.total[i]! * sign;
        if (tenant === jobClass.tenant) taken.own[i]! += jobClass.total[i]! * sign;
      }
    }
  }

  assignments(dataCenter: number): number {
    return this.#assignments.get(dataCenter) ?? 0;
  }

  /** What the tenant's own jobs hold of a dimension, with what is about to be taken. */
  ownUsage(tenant: Tenant, dimension: number): number {
    return tenant.usage[dimension]! + (this.#tenants.get(tenant)?.own[dimension] ?? 0);
  }

  subtreeUsage(tenant: Tenant, dimension: number): number {
    return tenant.subtreeUsage[dimension]! + (this.#tenants.get(tenant)?.subtree[dimension] ?? 0);
  }
}

const PAGE_BITS = 5;
const PAGE_ROWS = 1 << PAGE_BITS;
/** Copied, which is the fastest way to make one. */
const EMPTY_PAGE: readonly number[] = Array.from({ length: PAGE_ROWS * 3 }, () => 0);

function pageOf(row: number): number {
  return row >> PAGE_BITS;
}

function offsetOf(row: number): number {
  return (row & (PAGE_ROWS - 1)) * 3;
}

function strictestFirst(a: DeviceNeed, b: DeviceNeed): number {
  return (
    Number(b.model !== '') - Number(a.model !== '') ||
    b.thousandths - a.thousandths ||
    b.memoryMib - a.memoryMib
  );
}

/** The first quota on the path to the root that one more job of the class would exceed. */
export function exceededQuota(
  overlay: Overlay,
  jobClass: JobClass,
):
  | {
      readonly tenant: Tenant;
      readonly dimension: number;
      readonly needed: number;
      readonly left: number;
    }
  | undefined {
  for (
    let tenant: Tenant | undefined = jobClass.tenant;
    tenant !== undefined;
    tenant = tenant.parent
  ) {
    const quota = tenant.entity.quota;
    if (quota === undefined) continue;
    const limits = [quota.cpuMillis, quota.memoryMib, quota.storageMib, quota.deviceThousandths];
    for (const [dimension, limit] of limits.entries()) {
      const needed = jobClass.total[dimension]!;
      if (limit === 0 || needed === 0) continue;
      const left = limit - overlay.subtreeUsage(tenant, dimension);
      if (needed > left) return { tenant, dimension, needed, left: Math.max(0, left) };
    }
  }
  return undefined;
}
