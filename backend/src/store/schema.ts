/** The tables as queries see them; one entry per table, beside the migration that made it. */
import type { AuditTable } from './audit.ts';
import type { ErasureTable } from './erasure.ts';
import type { FootprintTable } from './footprints.ts';
import type { ArtifactTable, IdempotencyTable, JobEventTable, JobTable, JobWindowTable } from './jobs.ts';
import type { KeyTable } from './key-rows.ts';
import type { LicenseConfirmationTable } from './license-confirmations.ts';
import type { PreferenceTable } from './preferences.ts';
import type { RegisteredModelTable } from './registered-models.ts';
import type { RequestRateTable } from './request-rates.ts';
import type { JobRecordTable } from './retention.ts';
import type { SettingTable } from './settings.ts';
import type { SpeakerTable } from './speakers.ts';
import type { TicketTable } from './tickets.ts';
import type { UsageReservationTable, UsageTotalTable } from './usage.ts';
import type { WebhookDeliveryTable } from './webhook-deliveries.ts';
import type { WebhookSecretTable } from './webhook-secrets.ts';

export interface Schema {
  audit_log: AuditTable;
  api_keys: KeyTable;
  request_rates: RequestRateTable;
  usage_reservations: UsageReservationTable;
  usage_totals: UsageTotalTable;
  jobs: JobTable;
  job_windows: JobWindowTable;
  job_events: JobEventTable;
  artifacts: ArtifactTable;
  idempotency_keys: IdempotencyTable;
  webhook_secrets: WebhookSecretTable;
  webhook_deliveries: WebhookDeliveryTable;
  job_records: JobRecordTable;
  erasures: ErasureTable;
  footprints: FootprintTable;
  model_preferences: PreferenceTable;
  registered_models: RegisteredModelTable;
  license_confirmations: LicenseConfirmationTable;
  speakers: SpeakerTable;
  tickets: TicketTable;
  settings: SettingTable;
}
