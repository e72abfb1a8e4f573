// Audit entries as callers see them.
import type { AuditEntry } from '#gen/isobar/v1/audit.ts';
import type { AuditRow } from '#ports/log.ts';

export function toAuditEntry({ timeMs, ...row }: AuditRow): AuditEntry {
  return { ...row, time: new Date(timeMs) };
}
