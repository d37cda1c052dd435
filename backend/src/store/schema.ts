/** The tables as queries see them; one entry per table, beside the migration that made it. */
import type { AuditTable } from './audit.ts';
import type { ErasureTable } from './erasure.ts';
import type { ArtifactTable, IdempotencyTable, JobEventTable, JobTable, JobWindowTable } from './jobs.ts';
import type { JobRecordTable } from './retention.ts';

export interface Schema {
  audit_log: AuditTable;
  jobs: JobTable;
  job_windows: JobWindowTable;
  job_events: JobEventTable;
  artifacts: ArtifactTable;
  idempotency_keys: IdempotencyTable;
  job_records: JobRecordTable;
  erasures: ErasureTable;
}
