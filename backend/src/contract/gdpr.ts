/** Forgetting a person, or a key: `POST /api/admin/gdpr/erase`, and `…/export` before it. */
import { z } from 'zod';

const name = z.string().min(1).max(512);

export const gdprSubject = z
  .union([
    z.strictObject({ key_id: name.meta({ description: 'Id of a key record: everything that was asked for with it' }) }),
    z.strictObject({ user: name.meta({ description: 'What requests named as `metadata.user`, with whatever key' }) }),
  ])
  .meta({ id: 'GdprSubject' });
export type GdprSubject = z.infer<typeof gdprSubject>;

export const gdprErasure = z
  .object({
    object: z.literal('gdpr.erasure'),
    id: z.string().meta({ description: 'Stands in the audit log; the subject itself is written nowhere' }),
    requested_at: z.int().meta({ description: 'Unix seconds; what came later stays' }),
    finished_at: z.int(),
    counts: z.record(z.string(), z.int()).meta({ description: 'What was deleted, by kind' }),
  })
  .meta({ id: 'GdprErasure' });
export type GdprErasure = z.infer<typeof gdprErasure>;
