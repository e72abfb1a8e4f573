// Classes: jobs that are equal to the scheduler share one. A class is defined before its first job and goes with its last.
import { sumOfNeeds } from '#domain/resources.ts';
import type { JobClass as JobClassEntity } from '#gen/isobar/log/v1/entity.ts';
import { classKeyOf } from './class-key.ts';
import { NONE } from './columns.ts';
import {
  isAhead,
  noAmounts,
  type Amounts,
  type JobClass,
  type State,
  type Tenant,
} from './state.ts';

export function foldClassDefined(state: State, entity: JobClassEntity): void {
  state.nextClass = Math.max(state.nextClass, entity.number + 1);
  // The row of a class whose tenant came after the checkpoint began could not be loaded: its record defines it.
  const isLoaded = state.classes.has(entity.number);
  if (isLoaded && isAhead(state, 'class', entity.number, state.revision)) return;
  addClass(state, entity, state.revision);
}

export function addClass(
  state: State,
  entity: JobClassEntity,
  revision: number,
): JobClass | undefined {
  const tenant = state.tenants.get(entity.tenant);
  // Only while a restart folds: the tenant is gone, and with it all jobs of the class.
  if (tenant === undefined) return undefined;
  const jobClass = toClass(tenant, entity, revision);
  state.classes.set(entity.number, jobClass);
  const index = classIndexKey(entity.tenant, jobClass.key);
  // While a restart folds, an older class of the same kind, dropped later on, may come after the newer one.
  const isNewest = (state.classByKey.get(index)?.entity.number ?? 0) < entity.number;
  if (isNewest) state.classByKey.set(index, jobClass);
  tenant.classes.set(entity.number, jobClass);
  return jobClass;
}

/** A class that is not in the state yet, or, for a what-if, never will be. */
export function toClass(tenant: Tenant, entity: JobClassEntity, revision: number): JobClass {
  return {
    entity,
    key: classKeyOf(entity),
    tenant,
    total: totalOf(entity),
    revision,
    jobs: 0,
    head: NONE,
    tail: NONE,
    near: NONE,
    length: 0,
  };
}

/** A class without jobs goes; a later job of the same kind defines it anew. */
export function dropClassIfUnused(state: State, jobClass: JobClass): void {
  if (jobClass.jobs > 0) return;
  state.classes.delete(jobClass.entity.number);
  const index = classIndexKey(jobClass.entity.tenant, jobClass.key);
  // While a restart folds, the class that was defined anew may be there before this one is dropped.
  if (state.classByKey.get(index) === jobClass) state.classByKey.delete(index);
  jobClass.tenant.classes.delete(jobClass.entity.number);
  state.derived.touched.delete(jobClass);
  state.gone.push({ kind: 'class', key: String(jobClass.entity.number) });
}

export function classIndexKey(tenant: string, key: string): string {
  return `${tenant} ${key}`;
}

/** What all tasks of one job of the class hold together. */
function totalOf(entity: JobClassEntity): Amounts {
  const total = noAmounts();
  for (const group of entity.groups) {
    total[0]! += (group.resources?.cpuMillis ?? 0) * group.replicas;
    total[1]! += (group.resources?.memoryMib ?? 0) * group.replicas;
    total[2]! += (group.resources?.storageMib ?? 0) * group.replicas;
    total[3]! += sumOfNeeds(group.devices) * group.replicas;
  }
  return total;
}
