// What a process tells about itself: lines for its log. Metrics are read from it, not sent.

export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Telemetry {
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export const SILENT: Telemetry = { info() {}, warn() {}, error() {} };
