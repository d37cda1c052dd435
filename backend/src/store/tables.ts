/** All tables of the gateway's own; the job queue's lie in a schema of their own (`pgboss`). */
import type { Schema } from './schema.ts';

/** A backup holds each of them. */
const OWN: Record<keyof Schema, true> = {
  audit_log: true,
  api_keys: true,
  request_rates: true,
  usage_reservations: true,
  usage_totals: true,
  jobs: true,
  job_windows: true,
  job_events: true,
  artifacts: true,
  idempotency_keys: true,
  webhook_secrets: true,
  webhook_deliveries: true,
  job_records: true,
  erasures: true,
  footprints: true,
  model_preferences: true,
  registered_models: true,
  license_confirmations: true,
  speakers: true,
  tickets: true,
  settings: true,
};

export const TABLES = Object.keys(OWN) as (keyof Schema)[];
/** Kysely's. */
export const MIGRATION_TABLES = ['kysely_migration', 'kysely_migration_lock'];
