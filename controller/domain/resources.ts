// Amounts of resources and their arithmetic. Whole numbers in the unit that ends each name.

/** An amount of each resource: what a node gives, what a task asks for, or a sum. */
export interface Resources {
  readonly cpuMillis: number;
  readonly memoryMib: number;
  readonly storageMib: number;
  /** Thousandths of devices, in sums and quotas. */
  readonly deviceThousandths: number;
  /** Other countable resources by name. */
  readonly extra: Readonly<Record<string, number>>;
}

/** Devices that one task asks for: whole ones, or a share of exactly one. */
export interface DeviceNeed {
  /** Empty: any. */
  readonly model: string;
  readonly count: number;
  /** 1 to 1000 of each device. */
  readonly thousandths: number;
  /** 0: any. */
  readonly memoryMib: number;
}

/** Resources that every node has; the order of the columns in state and of `amounts` in the log. */
export const DIMENSIONS = ['cpuMillis', 'memoryMib', 'storageMib', 'deviceThousandths'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const WHOLE_DEVICE = 1000;

/** Thousandths of devices that the needs of one task come to. */
export function sumOfNeeds(needs: readonly DeviceNeed[]): number {
  let sum = 0;
  for (const need of needs) sum += need.count * need.thousandths;
  return sum;
}
