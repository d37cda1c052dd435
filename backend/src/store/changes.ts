/** Changes of rows that operators' pages show, as triggers announce them to every gateway when they are committed. */
import { z } from 'zod';

/** Payload: a `Change` as JSON. */
export const CHANGE_CHANNEL = 'admin_changes';

const change = z.object({
  entity: z.enum(['job', 'key', 'webhook', 'webhook_secret', 'settings', 'audit']),
  /** As the row has it; of the audit log its `seq`. */
  id: z.string(),
  /** null: this entity has none. */
  rev: z.int().nullable(),
  deleted: z.boolean(),
});
export type Change = z.infer<typeof change>;

/** undefined for what a newer gateway may announce. */
export function parseChange(payload: string): Change | undefined {
  try {
    return change.parse(JSON.parse(payload));
  } catch {
    return undefined;
  }
}
