// isobar usage: the ledger, for accounting.
import type { Command } from 'commander';
import { toApiJson } from '#client/json.ts';
import { idOf } from '#client/names.ts';
import { QueryUsageResponse, type ResourceTime, type UsageRow } from '#client/types.ts';
import { type Format, outputOption, printValue } from './format.ts';
import { moment } from './options.ts';
import { type Column, Table } from './table.ts';
import { timestamp } from './units.ts';
import { type Act, examples } from './verb.ts';

interface UsageOptions {
  readonly output: Format;
  readonly from?: string;
  readonly to?: string;
  readonly hourly?: boolean;
  readonly allTenants?: boolean;
}

export function configure(command: Command, act: Act): void {
  outputOption(command, ['table', 'wide', 'json', 'yaml'])
    .option(
      '--from <date>',
      'from this hour on: 2026-11-01, 2026-11-01T08:00Z, or 7d ago; default 30d',
    )
    .option('--to <date>', 'before this hour; default now')
    .option('--hourly', 'a row for each hour')
    .option('-A, --all-tenants', 'of all tenants that you may see')
    .action(
      act<UsageOptions>(async (session, _, options) => {
        const { output, from, to, hourly } = options;
        const now = session.io.now();
        const client = await session.client();
        const answer = await client.usage.query({
          tenant: options.allTenants === true ? '-' : (await session.tenant()) || '-',
          from: from === undefined ? undefined : moment(now, from),
          to: to === undefined ? undefined : moment(now, to),
          hourly,
          signal: session.signal,
        });
        if (output === 'json' || output === 'yaml') {
          await printValue(session, output, toApiJson(QueryUsageResponse, answer));
          return;
        }
        if (answer.rows.length === 0) {
          await session.note('nothing was used');
          return;
        }
        const table = new Table(
          columns(output === 'wide', hourly === true),
          session.io.stdout,
          session.paint,
        );
        await session.print(table.lines([...answer.rows, total(answer.rows)]).join('\n'));
      }),
    );
  command.addHelpText(
    'after',
    '\nGranted is what runs held while their tasks ran, wasted the part of it that went to runs that did not succeed.',
  );
  examples(
    command,
    'isobar usage --tenant health --from 2026-11-01 --to 2026-12-01',
    'isobar usage -A --from 7d -o wide',
    'isobar usage --from 1d --hourly -o json',
  );
}

/** The hours of the unit in the title. */
const HOUR = 3600;
const cpuHours = (time: ResourceTime | undefined): string =>
  hours((time?.cpuMilliSeconds ?? 0) / 1000);
const memoryHours = (time: ResourceTime | undefined): string =>
  hours((time?.memoryMibSeconds ?? 0) / 1024);
const storageHours = (time: ResourceTime | undefined): string =>
  hours((time?.storageMibSeconds ?? 0) / 1024);
const gpuHours = (time: ResourceTime | undefined): string =>
  hours((time?.deviceMilliSeconds ?? 0) / 1000);

function hours(seconds: number): string {
  const amount = seconds / HOUR;
  return amount > 0 && amount < 0.05 ? '<0.1' : amount.toFixed(1);
}

function columns(wide: boolean, hourly: boolean): Column<UsageRow>[] {
  const hour: Column<UsageRow> = {
    title: 'HOUR',
    cell: ({ startTime }) => (startTime === undefined ? '' : timestamp(startTime).slice(0, 16)),
  };
  const all: Column<UsageRow>[] = [
    { title: 'TENANT', cell: ({ tenant }) => idOf(tenant) },
    { title: 'DATA CENTER', cell: ({ dataCenter }) => idOf(dataCenter) },
    ...(hourly ? [hour] : []),
    { title: 'RUNS', right: true, cell: ({ runs }) => runs },
    { title: 'CPU h', right: true, cell: ({ granted }) => cpuHours(granted) },
    { title: 'MEMORY GiB h', right: true, cell: ({ granted }) => memoryHours(granted) },
    { title: 'GPU h', right: true, cell: ({ granted }) => gpuHours(granted) },
    { title: 'WASTED CPU h', right: true, cell: ({ wasted }) => cpuHours(wasted) },
    {
      title: 'STORAGE GiB h',
      right: true,
      wide: true,
      cell: ({ granted }) => storageHours(granted),
    },
    {
      title: 'RESERVED CPU h',
      right: true,
      wide: true,
      cell: ({ reserved }) => cpuHours(reserved),
    },
    { title: 'WASTED GPU h', right: true, wide: true, cell: ({ wasted }) => gpuHours(wasted) },
  ];
  return all.filter((column) => wide || column.wide !== true);
}

function total(rows: readonly UsageRow[]): UsageRow {
  const sum = (part: 'reserved' | 'granted' | 'wasted'): ResourceTime => {
    const result = {
      cpuMilliSeconds: 0,
      memoryMibSeconds: 0,
      storageMibSeconds: 0,
      deviceMilliSeconds: 0,
    };
    for (const row of rows) {
      result.cpuMilliSeconds += row[part]?.cpuMilliSeconds ?? 0;
      result.memoryMibSeconds += row[part]?.memoryMibSeconds ?? 0;
      result.storageMibSeconds += row[part]?.storageMibSeconds ?? 0;
      result.deviceMilliSeconds += row[part]?.deviceMilliSeconds ?? 0;
    }
    return result;
  };
  return {
    tenant: 'total',
    dataCenter: '',
    startTime: undefined,
    reserved: sum('reserved'),
    granted: sum('granted'),
    wasted: sum('wasted'),
    runs: rows.reduce((all, row) => all + row.runs, 0),
  };
}
