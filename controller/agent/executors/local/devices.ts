// What a task is told of its devices, and what keeps a program from using another's by accident. A program that sets these
// variables itself is not kept from it: a share of a device, too, is counted and not enforced.
//
//   ISOBAR_DEVICES              ids of its devices, with commas; empty: it has none
//   ISOBAR_DEVICE_THOUSANDTHS   how much of each it has, in the same order
//   CUDA_VISIBLE_DEVICES, NVIDIA_VISIBLE_DEVICES     ids of those of vendor nvidia
//   ROCR_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES        ids of those of vendor amd; HIP counts from 0 what ROCR has left
import type { DeviceAllocation } from '#gen/isobar/v1/run.ts';

export const VENDORS = ['nvidia', 'amd', 'other'] as const;
type Vendor = (typeof VENDORS)[number];

export interface LocalDevice {
  readonly model: string;
  readonly memoryMib: number;
  /** As its driver knows it: its number on the machine or its UUID. */
  readonly id: string;
  readonly vendor: Vendor;
}

type Variables = Readonly<Record<string, string>>;

/** What the vendors' libraries take for "none"; each knows another word. */
export const NO_DEVICES: Variables = {
  ISOBAR_DEVICES: '',
  ISOBAR_DEVICE_THOUSANDTHS: '',
  CUDA_VISIBLE_DEVICES: '',
  NVIDIA_VISIBLE_DEVICES: 'void',
  ROCR_VISIBLE_DEVICES: '-1',
  HIP_VISIBLE_DEVICES: '-1',
};

/** Undefined: one of them is not among the node's. */
export function variablesOf(
  held: readonly DeviceAllocation[],
  devices: readonly LocalDevice[],
): Variables | undefined {
  const own = held.map(({ device }) => devices[device]).filter((device) => device !== undefined);
  if (own.length < held.length) return undefined;
  const idsOf = (vendor: Vendor): string[] =>
    own.filter((device) => device.vendor === vendor).map(({ id }) => id);
  const [nvidia, amd] = [idsOf('nvidia'), idsOf('amd')];
  return {
    ...NO_DEVICES,
    ISOBAR_DEVICES: own.map(({ id }) => id).join(','),
    ISOBAR_DEVICE_THOUSANDTHS: held.map(({ thousandths }) => thousandths).join(','),
    ...(nvidia.length > 0 && {
      CUDA_VISIBLE_DEVICES: nvidia.join(','),
      NVIDIA_VISIBLE_DEVICES: nvidia.join(','),
    }),
    ...(amd.length > 0 && {
      ROCR_VISIBLE_DEVICES: amd.join(','),
      HIP_VISIBLE_DEVICES: [...amd.keys()].join(','),
    }),
  };
}
