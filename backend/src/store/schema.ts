/** The tables as queries see them; one entry per table, beside the migration that made it. */
import type { AuditTable } from './audit.ts';

export interface Schema {
  audit_log: AuditTable;
}
