// What the scheduler, and what follows a run's end, read of a specification: jobs that are equal in it form one class.
import { millisOf, type JobSpec, type TaskGroup } from './job-spec.ts';
import type { Labels } from './labels.ts';
import type { DeviceNeed, Resources } from './resources.ts';

/** Numbers of isobar.v1.DataCenterClass by the words that jobs use. */
export const DATA_CENTER_CLASSES = { NATIONAL: 1, REGIONAL: 2, AGENCY: 3 } as const;

interface TaskShape {
  readonly replicas: number;
  readonly resources: Resources & { readonly extra: { [name: string]: number } };
  readonly devices: DeviceNeed[];
}

/** isobar.log.v1.JobClass without its number and its tenant. */
export interface JobClassShape {
  readonly priority: number;
  readonly groups: TaskShape[];
  readonly dataCenters: string[];
  readonly notDataCenters: string[];
  readonly regions: string[];
  readonly classes: number[];
  readonly offers: string[];
  readonly dataCenterLabels: Labels;
  readonly nodeLabels: Labels;
  readonly nodeRoles: string[];
  readonly classification: number;
  readonly unreachable: number;
  readonly maxAttempts: number;
  readonly retryExitCodes: number[];
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

/** Of a specification with its defaults. */
export function jobClassOf(spec: JobSpec): JobClassShape {
  const { constraints, retry } = spec;
  return {
    priority: spec.priority,
    groups: spec.groups.map(toShape),
    dataCenters: constraints?.dataCenters ?? [],
    notDataCenters: constraints?.notDataCenters ?? [],
    regions: constraints?.regions ?? [],
    // Only words of the table pass the rules.
    classes:
      constraints?.classes.map(
        (word) => DATA_CENTER_CLASSES[word as keyof typeof DATA_CENTER_CLASSES],
      ) ?? [],
    offers: offersOf(spec),
    dataCenterLabels: constraints?.dataCenterLabels ?? {},
    nodeLabels: constraints?.nodeLabels ?? {},
    nodeRoles: constraints?.nodeRoles ?? [],
    classification: spec.classification,
    unreachable: spec.unreachable,
    maxAttempts: retry?.maxAttempts ?? 1,
    retryExitCodes: retry?.exitCodes ?? [],
    backoffMs: retry?.backoff === undefined ? 0 : millisOf(retry.backoff),
    maxBackoffMs: retry?.maxBackoff === undefined ? 0 : millisOf(retry.maxBackoff),
  };
}

function toShape({ replicas, resources }: TaskGroup): TaskShape {
  return {
    replicas,
    resources: {
      cpuMillis: resources?.cpuMillis ?? 0,
      memoryMib: resources?.memoryMib ?? 0,
      storageMib: resources?.storageMib ?? 0,
      extra: resources?.extra ?? {},
      deviceThousandths: 0,
    },
    devices:
      resources?.devices.map(({ model, count, shareThousandths, memoryMib }) => ({
        model,
        count,
        thousandths: shareThousandths,
        memoryMib,
      })) ?? [],
  };
}

/** An image runs only where images do. */
function offersOf(spec: JobSpec): string[] {
  const asked = spec.constraints?.offers ?? [];
  const needsImage = spec.groups.some(({ image }) => image !== '');
  return needsImage && !asked.includes('image') ? [...asked, 'image'] : asked;
}
