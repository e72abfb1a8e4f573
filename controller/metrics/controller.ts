// Samples of the controller itself: scheduler, loop, log, edge and process.
import { DECISIONS, PERCENTILES } from './catalog.ts';
import type { Emitters } from './emitters.ts';

export const controllerEmitters = {
  isobar_scheduler_decisions_total: (sample, { figures }) => {
    for (const outcome of DECISIONS) sample(outcome, figures.counted.decisions[outcome]);
  },
  isobar_scheduler_slice_seconds: ({ figures }) => figures.counted.slice,
  isobar_scheduler_pass_seconds: ({ figures }) => figures.counted.pass,

  isobar_loop_turns_total: (sample, { figures }) => sample(figures.counted.turns),
  isobar_loop_commands_total: (sample, { figures }) => {
    for (const { command, outcome, count } of figures.counted.commands) {
      sample(command, outcome, count);
    }
  },
  isobar_loop_waiting_commands: (sample, { figures }) => sample(figures.waitingCommands),
  isobar_gate_waiting_outputs: (sample, { figures }) => sample(figures.waitingOutputs),

  isobar_log_appends_total: (sample, { figures }) => sample(figures.counted.appends),
  isobar_log_records_total: (sample, { figures }) => sample(figures.counted.records),
  isobar_log_append_seconds: ({ figures }) => figures.counted.append,
  isobar_log_group_records: ({ figures }) => figures.counted.group,
  isobar_log_lag_records: (sample, { figures }) => sample(figures.lagRecords),
  isobar_log_checkpoint_lag_records: (sample, { figures }) => sample(figures.checkpointLagRecords),
  isobar_log_kept_records: (sample, { figures }) => sample(figures.keptRecords),
  isobar_log_size_bytes: (sample, { figures }) => {
    if (figures.logBytes !== undefined) sample(figures.logBytes);
  },
  isobar_audit_records_total: (sample, { figures }) => sample(figures.auditRecords),

  isobar_watch_streams: (sample, { figures }) => sample(figures.watches),
  isobar_watch_events_total: (sample, { figures }) => sample(figures.counted.watchEvents),
  isobar_grpc_open_streams: (sample, { openStreams }) => sample(openStreams),

  isobar_event_loop_delay_seconds: (sample, { process }) => {
    for (const percentile of PERCENTILES) sample(percentile, process.delaySeconds[percentile]);
  },
  isobar_process_resident_memory_bytes: (sample, { process }) => sample(process.residentBytes),
  isobar_process_heap_bytes: (sample, { process }) => sample(process.heapBytes),
  isobar_process_cpu_seconds_total: (sample, { process }) => sample(process.cpuSeconds),
  isobar_process_start_time_seconds: (sample, { process }) => sample(process.startSeconds),
  isobar_build_info: (sample, { version, process }) => sample(version, process.nodeVersion, 1),
  isobar_scrape_render_seconds: (sample, { renderSeconds }) => sample(renderSeconds),
} satisfies Partial<Emitters>;
