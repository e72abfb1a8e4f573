// What the log has given away: room on nodes and devices, and of quotas. Checked whenever a run is placed.
import type { JobClass } from '#gen/isobar/log/v1/entity.ts';
import type { Model, ModelJob, ModelRun } from './model.ts';
import { check } from './violation.ts';

export class Holdings {
  /** Jobs with a live run. */
  readonly live = new Map<ModelJob, ModelRun>();

  placed(model: Model, job: ModelJob, run: ModelRun): void {
    this.live.set(job, run);
    this.#checkNodes(model, run);
    this.#checkQuotas(model, job);
  }

  ended(job: ModelJob): void {
    this.live.delete(job);
  }

  #checkNodes(model: Model, placed: ModelRun): void {
    const touched = new Set(
      placed.parts.flatMap((part) =>
        part.allocations.map((held) => `${part.dataCenter}/${held.node}`),
      ),
    );
    const cpu = new Map<string, number>();
    const memory = new Map<string, number>();
    const devices = new Map<string, number>();
    for (const [job, run] of this.live) {
      const groups = model.classes.get(job.classNumber)?.groups ?? [];
      for (const part of run.parts) {
        for (const held of part.allocations) {
          const node = `${part.dataCenter}/${held.node}`;
          if (!touched.has(node)) continue;
          const asked = groups[held.group]?.resources;
          add(cpu, node, (asked?.cpuMillis ?? 0) * held.tasks);
          add(memory, node, (asked?.memoryMib ?? 0) * held.tasks);
          for (const [i, device] of held.devices.entries())
            add(devices, `${node} device ${device}`, held.thousandths[i] ?? 0);
        }
      }
    }
    for (const name of touched) {
      const [dataCenter = '', id = ''] = name.split('/');
      const node = model.dataCenters.get(dataCenter)?.nodes.get(id);
      check(
        node !== undefined,
        '4-over-commit',
        () => `a run was placed on ${name}, which is not there`,
      );
      const isFull =
        cpu.get(name)! > (node.allocatable?.cpuMillis ?? 0) ||
        memory.get(name)! > (node.allocatable?.memoryMib ?? 0);
      check(
        !isFull,
        '4-over-commit',
        () =>
          `runs hold ${cpu.get(name)} millis of CPUs on ${name}, it has ${node.allocatable?.cpuMillis}`,
      );
    }
    for (const [name, thousandths] of devices) {
      check(
        thousandths <= 1000,
        '4-over-commit',
        () => `runs hold ${thousandths} thousandths of ${name}`,
      );
    }
  }

  #checkQuotas(model: Model, placed: ModelJob): void {
    const above: string[] = [];
    for (let id = placed.tenant; id !== ''; id = model.tenants.get(id)?.parent ?? '')
      above.push(id);
    for (const id of above) {
      const limit = model.tenants.get(id)?.quota?.cpuMillis ?? 0;
      if (limit === 0) continue;
      let held = 0;
      for (const [job] of this.live) {
        if (isBelow(model, job.tenant, id)) held += cpuOf(model.classes.get(job.classNumber));
      }
      check(
        held <= limit,
        '4-quota',
        () => `tenant ${id} holds ${held} of its quota of ${limit} millis of CPUs`,
      );
    }
  }
}

function isBelow(model: Model, tenant: string, above: string): boolean {
  for (let id = tenant; id !== ''; id = model.tenants.get(id)?.parent ?? '')
    if (id === above) return true;
  return false;
}

function cpuOf(jobClass: JobClass | undefined): number {
  return (jobClass?.groups ?? []).reduce(
    (sum, group) => sum + group.replicas * (group.resources?.cpuMillis ?? 0),
    0,
  );
}

function add(map: Map<string, number>, key: string, amount: number): void {
  map.set(key, (map.get(key) ?? 0) + amount);
}
