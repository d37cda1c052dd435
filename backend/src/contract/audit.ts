/** A row of the audit log as it is exported. */
import { z } from 'zod';

export const auditRow = z
  .object({
    seq: z.int().meta({ description: 'From 1 on, without gaps' }),
    at: z.iso.datetime(),
    actor: z.string().meta({ description: 'Id of the key that asked, `env_…`, `anonymous`, or `system`' }),
    action: z.string(),
    subject: z.string().nullable().meta({ description: 'Id of what it was done to' }),
    size: z.int().nullable().meta({ description: 'Bytes' }),
    result: z.string(),
    error_code: z.string().nullable(),
    changes: z.string().nullable().meta({ description: '`AuditChanges` as JSON: the text that was hashed' }),
    previous_hash: z.string(),
    hash: z.string().meta({ description: 'SHA-256 of this row, the previous hash included' }),
  })
  .meta({ id: 'AuditRow' });
export type AuditRow = z.infer<typeof auditRow>;
