// The federation of the demo, as data.
import { DataCenterClass } from '#gen/isobar/v1/data_center.ts';
import { Classification } from '#gen/isobar/v1/resources.ts';

export interface DemoDataCenter {
  readonly id: string;
  readonly displayName: string;
  readonly class: DataCenterClass;
  readonly region: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly priceMicrosPerCpuHour: number;
  /** Made-up slices of this machine, of 4 CPUs and 8 GiB each, however large it is. */
  readonly nodes: number;
}

export const DATA_CENTERS: readonly DemoDataCenter[] = [
  {
    id: 'hoa-lac',
    displayName: 'National Data Center, Hoa Lac',
    class: DataCenterClass.NATIONAL,
    region: 'north',
    latitude: 21.01,
    longitude: 105.52,
    priceMicrosPerCpuHour: 900,
    nodes: 4,
  },
  {
    id: 'hai-phong',
    displayName: 'Regional Data Center North, Hai Phong',
    class: DataCenterClass.REGIONAL,
    region: 'north',
    latitude: 20.86,
    longitude: 106.68,
    priceMicrosPerCpuHour: 700,
    nodes: 2,
  },
  {
    id: 'da-nang',
    displayName: 'Regional Data Center Center, Da Nang',
    class: DataCenterClass.REGIONAL,
    region: 'center',
    latitude: 16.05,
    longitude: 108.21,
    priceMicrosPerCpuHour: 600,
    nodes: 2,
  },
  {
    id: 'ho-chi-minh-city',
    displayName: 'Regional Data Center South, Ho Chi Minh City',
    class: DataCenterClass.REGIONAL,
    region: 'south',
    latitude: 10.78,
    longitude: 106.7,
    priceMicrosPerCpuHour: 800,
    nodes: 3,
  },
];

export const LINKS = [
  {
    id: 'hoa-lac-hai-phong',
    source: 'hoa-lac',
    target: 'hai-phong',
    bandwidthMbps: 100_000,
    latencyMicros: 1_200,
  },
  {
    id: 'hoa-lac-da-nang',
    source: 'hoa-lac',
    target: 'da-nang',
    bandwidthMbps: 40_000,
    latencyMicros: 8_500,
  },
  {
    id: 'da-nang-ho-chi-minh-city',
    source: 'da-nang',
    target: 'ho-chi-minh-city',
    bandwidthMbps: 40_000,
    latencyMicros: 9_000,
  },
  {
    id: 'hoa-lac-ho-chi-minh-city',
    source: 'hoa-lac',
    target: 'ho-chi-minh-city',
    bandwidthMbps: 20_000,
    latencyMicros: 16_000,
  },
] as const;

export const TENANT = {
  id: 'statistics',
  displayName: 'National Statistics Office',
  clearance: Classification.INTERNAL,
  defaultClassification: Classification.INTERNAL,
} as const;

export const USER = 'census';
