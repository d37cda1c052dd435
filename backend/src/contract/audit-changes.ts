/** What a row of the audit log says of fields that were changed: never names, addresses or secrets. */
import { z } from 'zod';

/** By the field's path (`limits.audio_seconds_per_day`); null: not set. */
export const auditChanges = z
  .record(z.string(), z.object({ before: z.json(), after: z.json() }))
  .meta({ id: 'AuditChanges' });
export type AuditChanges = z.infer<typeof auditChanges>;

/** Members that differ, those of objects one by one; undefined where none does. */
export function changedFields(before: unknown, after: unknown): AuditChanges | undefined {
  const [old, now] = [leavesOf(before), leavesOf(after)];
  const changes: AuditChanges = {};
  for (const path of new Set([...old.keys(), ...now.keys()])) {
    const change = { before: old.get(path) ?? null, after: now.get(path) ?? null };
    if (JSON.stringify(change.before) !== JSON.stringify(change.after)) changes[path] = change;
  }
  return Object.keys(changes).length === 0 ? undefined : changes;
}

type Json = z.infer<ReturnType<typeof z.json>>;

function leavesOf(value: unknown, path = ''): Map<string, Json> {
  const isBranch = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isBranch || (Object.keys(value).length === 0 && path !== ''))
    return new Map(path === '' ? [] : [[path, (value ?? null) as Json]]);
  return new Map(
    Object.entries(value).flatMap(([name, member]) => [...leavesOf(member, path === '' ? name : `${path}.${name}`)]),
  );
}
