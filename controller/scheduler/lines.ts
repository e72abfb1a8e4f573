// The classes that a pass has to look at yet, in the order of their turn. Kept from slice to slice, and put right where they are
// looked at: to order a hundred thousand classes anew takes longer than a slice may. In columns, because so many objects that
// live for a while cost a slice when the collector comes by them.
import type { JobClass, Tenant } from '#core/state.ts';
import { ClassMap } from './class-map.ts';
import { Heap } from './heap.ts';

/** A class that waits for its turn: a row of the columns. */
type Line = number;

const FIRST_ROWS = 64;

export class Lines {
  readonly #byClass = new ClassMap<Line>();
  readonly #byTenant = new Map<Tenant, TenantLines>();
  /** Undefined: the line is in its heap still and counts no more. */
  readonly #classes: (JobClass | undefined)[] = [];
  #priorities = new Float64Array(FIRST_ROWS);
  /** Of the next job or of an older one, which may have left the queue: so a class is never looked at too late. */
  #uids = new Float64Array(FIRST_ROWS);
  readonly #free: Line[] = [];

  get size(): number {
    return this.#byClass.size;
  }

  has(jobClass: JobClass): boolean {
    return this.#byClass.has(jobClass);
  }

  /** `uid`: of its next job, or of any older one. A class that is in gets its turn earlier, if that is older than what was known. */
  add(jobClass: JobClass, uid = 0): void {
    const known = this.#byClass.get(jobClass);
    if (known !== undefined && this.#uids[known]! <= uid) return;
    this.delete(jobClass);
    const line = this.#free.pop() ?? this.#classes.length;
    if (line === this.#uids.length) this.#grow();
    this.#classes[line] = jobClass;
    this.#priorities[line] = jobClass.entity.priority;
    this.#uids[line] = uid;
    this.#byClass.set(jobClass, line);
    this.#ofTenant(jobClass.tenant).heap.push(line);
  }

  delete(jobClass: JobClass): void {
    const line = this.#byClass.get(jobClass);
    if (line === undefined) return;
    this.#classes[line] = undefined;
    this.#byClass.delete(jobClass);
  }

  /** Tenants with something to look at, the smallest share first. */
  tenants(shareOf: (tenant: Tenant) => number): Heap<TenantLines> {
    const tenants = new Heap<TenantLines>(
      (a, b) =>
        a.share < b.share || (a.share === b.share && a.tenant.entity.id < b.tenant.entity.id),
    );
    for (const [tenant, lines] of this.#byTenant) {
      if (this.first(lines) === undefined) {
        this.#byTenant.delete(tenant);
        continue;
      }
      lines.share = shareOf(tenant);
      tenants.push(lines);
    }
    return tenants;
  }

  /** The first class of a tenant, as far as is known; undefined: there is none. */
  first({ heap }: TenantLines): JobClass | undefined {
    for (let line = heap.peek(); line !== undefined; line = heap.peek()) {
      const jobClass = this.#classes[line];
      if (jobClass !== undefined) return jobClass;
      heap.pop();
      this.#free.push(line);
    }
    return undefined;
  }

  /** Whether the first class of a tenant stands where its next job belongs. If not it is put there, and another may be first. */
  isRight({ heap }: TenantLines, uid: number): boolean {
    const line = heap.peek();
    if (line === undefined || this.#uids[line] === uid) return true;
    this.#uids[line] = uid;
    heap.topChanged();
    return false;
  }

  #ofTenant(tenant: Tenant): TenantLines {
    let lines = this.#byTenant.get(tenant);
    if (lines === undefined) {
      lines = { tenant, share: 0, heap: new Heap<Line>((a, b) => this.#goesFirst(a, b)) };
      this.#byTenant.set(tenant, lines);
    }
    return lines;
  }

  /** The highest priority, then the oldest job. */
  #goesFirst(a: Line, b: Line): boolean {
    const byPriority = this.#priorities[b]! - this.#priorities[a]!;
    return byPriority < 0 || (byPriority === 0 && this.#uids[a]! < this.#uids[b]!);
  }

  #grow(): void {
    const [priorities, uids] = [this.#priorities, this.#uids];
    this.#priorities = new Float64Array(priorities.length * 2);
    this.#priorities.set(priorities);
    this.#uids = new Float64Array(uids.length * 2);
    this.#uids.set(uids);
  }
}

/** The classes of a tenant. */
interface TenantLines {
  readonly tenant: Tenant;
  share: number;
  readonly heap: Heap<Line>;
}
