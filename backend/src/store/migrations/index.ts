/** Every migration, in order. One that has been released is never changed: a new one is added. */
import type { Migration } from 'kysely/migration';
import * as auditLog from './0001-audit-log.ts';
import * as keys from './0002-keys.ts';
import * as jobs from './0003-jobs.ts';
import * as webhooks from './0004-webhooks.ts';
import * as retention from './0005-retention.ts';
import * as models from './0006-models.ts';
import * as speakers from './0007-speakers.ts';
import * as stages from './0008-stages.ts';
import * as tickets from './0009-tickets.ts';
import * as jobTraces from './0010-job-traces.ts';
import * as operators from './0011-operators.ts';
import * as licenseConfirmations from './0012-license-confirmations.ts';
import * as stageResults from './0013-stage-results.ts';
import * as loadSeconds from './0014-load-seconds.ts';
import * as auditChanges from './0015-audit-changes.ts';

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-audit-log': auditLog,
  '0002-keys': keys,
  '0003-jobs': jobs,
  '0004-webhooks': webhooks,
  '0005-retention': retention,
  '0006-models': models,
  '0007-speakers': speakers,
  '0008-stages': stages,
  '0009-tickets': tickets,
  '0010-job-traces': jobTraces,
  '0011-operators': operators,
  '0012-license-confirmations': licenseConfirmations,
  '0013-stage-results': stageResults,
  '0014-load-seconds': loadSeconds,
  '0015-audit-changes': auditChanges,
};
