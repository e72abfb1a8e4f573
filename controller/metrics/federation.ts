// Samples of data centers, tenants and jobs.
import { DIMENSIONS, type Dimension } from '#domain/resources.ts';
import type { Amounts, DataCenterFigures } from '#ports/figures.ts';
import {
  CLASS_REASONS,
  DATA_CENTER_STATES,
  JOB_REASONS,
  JOB_RESULTS,
  JOB_STATES,
  REACHABLE,
  RESOURCES,
  RUN_RESULTS,
  RUN_STATES,
} from './catalog.ts';
import type { Emitters } from './emitters.ts';
import type { Sample } from './text.ts';

const MIB = 2 ** 20;
const UNIT_OF = {
  cpuMillis: 1 / 1000,
  memoryMib: MIB,
  storageMib: MIB,
  deviceThousandths: 1 / 1000,
} as const satisfies Record<Dimension, number>;
const UNITS = DIMENSIONS.map((dimension) => UNIT_OF[dimension]);

export const federationEmitters = {
  isobar_data_center_info: (sample, { figures }) => {
    for (const { id, region, class: kind, executor } of figures.dataCenters) {
      sample(id, region, kind, executor, 1);
    }
  },
  isobar_data_center_state_info: (sample, { figures }) => {
    for (const { id, state } of figures.dataCenters) sample(id, state, 1);
  },
  isobar_data_center_reachable_condition: (sample, { figures }) => {
    for (const { id, isReachable } of figures.dataCenters) sample(id, Number(isReachable));
  },
  isobar_data_center_latitude_degrees: (sample, { figures }) => {
    for (const { id, latitude } of figures.dataCenters) sample(id, latitude);
  },
  isobar_data_center_longitude_degrees: (sample, { figures }) => {
    for (const { id, longitude } of figures.dataCenters) sample(id, longitude);
  },
  isobar_data_center_capacity_amount: (sample, { figures }) => {
    for (const { id, capacity } of figures.dataCenters) amounts(sample, id, capacity);
  },
  isobar_data_center_allocated_amount: (sample, { figures }) => {
    for (const { id, allocated } of figures.dataCenters) amounts(sample, id, allocated);
  },
  isobar_data_center_foreign_amount: (sample, { figures }) => {
    for (const { id, foreign } of figures.dataCenters) amounts(sample, id, foreign);
  },
  isobar_data_center_pending_amount: (sample, { figures }) => {
    for (const { id, pending } of figures.dataCenters) amounts(sample, id, pending);
  },
  isobar_data_center_pressure_ratio: (sample, { figures }) => {
    for (const dataCenter of figures.dataCenters) pressures(sample, dataCenter);
  },
  isobar_data_center_nodes: (sample, { figures }) => {
    for (const { id, nodes } of figures.dataCenters) sample(id, nodes);
  },
  isobar_data_center_runs: (sample, { figures }) => {
    for (const { id, runs } of figures.dataCenters) sample(id, runs);
  },
  isobar_data_center_unacknowledged_assignments: (sample, { figures }) => {
    for (const { id, unacknowledged } of figures.dataCenters) sample(id, unacknowledged);
  },
  isobar_data_center_silence_seconds: (sample, { figures }) => {
    for (const { id, silenceSeconds } of figures.dataCenters) sample(id, silenceSeconds);
  },
  isobar_data_center_lease_seconds: (sample, { figures }) => {
    for (const { id, leaseSeconds } of figures.dataCenters) sample(id, leaseSeconds);
  },

  isobar_federation_data_centers: (sample, { figures }) => {
    for (const state of DATA_CENTER_STATES) {
      const inState = figures.dataCenters.filter((dataCenter) => dataCenter.state === state);
      for (const reachable of REACHABLE) {
        const found = inState.filter(({ isReachable }) => String(isReachable) === reachable);
        sample(state, reachable, found.length);
      }
    }
  },
  isobar_federation_jobs: (sample, { figures }) => {
    for (const state of JOB_STATES) sample(state, figures.jobs[state]);
  },
  isobar_federation_runs: (sample, { figures }) => {
    for (const state of RUN_STATES) sample(state, figures.runs[state]);
  },
  isobar_controller_isolated_condition: (sample, { figures }) => {
    sample(Number(figures.isIsolated));
  },
  isobar_agent_sessions: (sample, { figures }) => sample(figures.sessions),
  isobar_lease_expirations_total: (sample, { figures }) => sample(figures.counted.leaseExpirations),

  isobar_tenant_info: (sample, { figures }) => {
    for (const { id, parent, homeRegion } of figures.tenants) sample(id, parent, homeRegion, 1);
  },
  isobar_tenant_queued_jobs: (sample, { figures }) => {
    for (const { id, queuedJobs } of figures.tenants) sample(id, queuedJobs);
  },
  isobar_tenant_running_jobs: (sample, { figures }) => {
    for (const { id, runningJobs } of figures.tenants) sample(id, runningJobs);
  },
  isobar_tenant_allocated_amount: (sample, { figures }) => {
    for (const { id, allocated } of figures.tenants) amounts(sample, id, allocated);
  },
  isobar_tenant_pending_amount: (sample, { figures }) => {
    for (const { id, pending } of figures.tenants) amounts(sample, id, pending);
  },
  isobar_tenant_subtree_allocated_amount: (sample, { figures }) => {
    for (const { id, subtreeAllocated } of figures.tenants) amounts(sample, id, subtreeAllocated);
  },
  isobar_tenant_quota_amount: (sample, { figures }) => {
    for (const { id, quota } of figures.tenants) {
      for (const [i, resource] of RESOURCES.entries()) {
        if (quota[i]! > 0) sample(id, resource, quota[i]! * UNITS[i]!);
      }
    }
  },
  isobar_tenant_oldest_wait_seconds: (sample, { figures }) => {
    for (const { id, oldestWaitSeconds } of figures.tenants) sample(id, oldestWaitSeconds);
  },

  isobar_waiting_jobs: (sample, { figures }) => {
    for (const reason of JOB_REASONS) sample(reason, figures.waitingJobs[reason]);
  },
  isobar_waiting_classes: (sample, { figures }) => {
    for (const reason of CLASS_REASONS) sample(reason, figures.waitingClasses[reason]);
  },
  isobar_job_reservation_wait_seconds: ({ figures }) => figures.counted.reservationWait,
  isobar_job_start_wait_seconds: ({ figures }) => figures.counted.startWait,
  isobar_job_submissions_total: (sample, { figures }) => sample(figures.counted.submissions),
  isobar_job_ends_total: (sample, { figures }) => {
    for (const result of JOB_RESULTS) sample(result, figures.counted.jobEnds[result]);
  },
  isobar_run_ends_total: (sample, { figures }) => {
    for (const result of RUN_RESULTS) sample(result, figures.counted.runEnds[result]);
  },
} satisfies Partial<Emitters>;

function amounts(
  sample: Sample<'isobar_data_center_capacity_amount'>,
  id: string,
  of: Amounts,
): void {
  for (const [i, resource] of RESOURCES.entries()) sample(id, resource, of[i]! * UNITS[i]!);
}

function pressures(
  sample: Sample<'isobar_data_center_pressure_ratio'>,
  { id, capacity, allocated, pending }: DataCenterFigures,
): void {
  for (const [i, resource] of RESOURCES.entries()) {
    if (capacity[i]! > 0) sample(id, resource, (allocated[i]! + pending[i]!) / capacity[i]!);
  }
}
