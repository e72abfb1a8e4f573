// A figure is one line, `name value unit target met|missed`; lines with # are its conditions.
import { availableParallelism, loadavg, release } from 'node:os';

export type Report = (line: string) => void;

export interface Target {
  readonly value: number;
  readonly better: 'higher' | 'lower';
}

export function figure(
  report: Report,
  name: string,
  value: number,
  unit: string,
  target?: Target,
): void {
  const shown = value >= 100 ? value.toFixed(0) : value.toPrecision(3);
  if (target === undefined) return report(`${name} ${shown} ${unit} - -`);
  const isMet = target.better === 'higher' ? value >= target.value : value <= target.value;
  report(`${name} ${shown} ${unit} ${target.value} ${isMet ? 'met' : 'missed'}`);
}

export function conditions(report: Report, what: string): void {
  const [load = 0] = loadavg();
  report(`# ${what}`);
  report(
    `# ${availableParallelism()} CPUs, Node ${process.version}, Linux ${release()}, load ${load.toFixed(1)}`,
  );
}
