import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { AuditRow } from '../../backend/src/contract/audit.ts';
import { createAuditVerifier } from '../../frontend/src/lib/verify-audit.ts';

/** A chain as `store/audit.ts` makes it. */
function chain(actions: string[], changes: string | null = null): AuditRow[] {
  let previous = '0'.repeat(64);
  return actions.map((action, index) => {
    const row = {
      seq: index + 1,
      at: '2026-05-10T12:00:00.000Z',
      actor: 'key_1',
      action,
      subject: null,
      size: null,
      result: 'success',
      error_code: null,
      previous_hash: previous,
    };
    previous = createHash('sha256')
      .update(JSON.stringify([...Object.values(row), ...(changes === null ? [] : [changes])]))
      .digest('hex');
    return { ...row, changes, hash: previous };
  });
}

async function verdictOf(rows: AuditRow[]) {
  const verifier = createAuditVerifier();
  for (const row of rows) await verifier?.take(row);
  return verifier?.verdict();
}

test('a chain that nobody touched is intact', async () => {
  expect(await verdictOf(chain(['key.create', 'key.revoke', 'audit.export']))).toEqual({ intact: 3 });
});

test('what a row says of changed fields is part of its hash', async () => {
  const rows = chain(['key.update', 'settings.update'], '{"limits.x":{"before":1,"after":2}}');
  expect(await verdictOf(rows)).toEqual({ intact: 2 });
  const forged = '{"limits.x":{"before":1,"after":3}}';
  for (const changes of [forged, null]) {
    expect(await verdictOf(rows.map((row) => (row.seq === 2 ? { ...row, changes } : row)))).toEqual({
      intact: 1,
      brokenAt: 2,
    });
  }
});

test('a row that was changed breaks it there', async () => {
  const rows = chain(['key.create', 'key.revoke', 'audit.export']);
  expect(await verdictOf(rows.map((row) => (row.seq === 2 ? { ...row, actor: 'key_2' } : row)))).toEqual({
    intact: 1,
    brokenAt: 2,
  });
});

test('a row that is missing breaks it at the next, also at the very beginning', async () => {
  const rows = chain(['key.create', 'key.revoke', 'audit.export']);
  expect(await verdictOf(rows.toSpliced(1, 1))).toEqual({ intact: 1, brokenAt: 3 });
  expect(await verdictOf(rows.slice(1))).toEqual({ intact: 0, brokenAt: 2 });
});

test('rows of another log, sound by themselves, break it where they begin', async () => {
  const rows = chain(['key.create', 'key.revoke', 'audit.export']);
  const others = chain(['key.update', 'key.rotate', 'audit.export']);
  expect(await verdictOf([...rows.slice(0, 1), ...others.slice(1)])).toEqual({ intact: 1, brokenAt: 2 });
});
