/** Recomputes the audit log's chain of hashes: each row's covers itself and the hash of the row before. */
import type { AuditRow } from '@contract/audit.ts';

export interface AuditVerdict {
  /** Rows that fit. */
  intact: number;
  /** `seq` of the first row that does not fit what stands before it. */
  brokenAt?: number;
}

export interface AuditVerifier {
  /** Rows in order, from the first on. */
  take(row: AuditRow): Promise<void>;
  verdict(): AuditVerdict;
}

const GENESIS = '0'.repeat(64);

/** @returns undefined where the browser has no SHA-256: pages that came by plain HTTP. */
export function createAuditVerifier(): AuditVerifier | undefined {
  if (globalThis.crypto?.subtle === undefined) return undefined;
  let hash = GENESIS;
  let intact = 0;
  let brokenAt: number | undefined;
  return {
    take: async (row) => {
      if (brokenAt !== undefined) return;
      const fits = row.seq === intact + 1 && row.previous_hash === hash && row.hash === (await hashOf(row));
      if (!fits) {
        brokenAt = row.seq;
        return;
      }
      intact += 1;
      hash = row.hash;
    },
    verdict: () => (brokenAt === undefined ? { intact } : { intact, brokenAt }),
  };
}

async function hashOf(row: AuditRow): Promise<string> {
  const { seq, at, actor, action, subject, size, result, error_code, previous_hash, changes } = row;
  const fields = [seq, at, actor, action, subject, size, result, error_code, previous_hash];
  // Rows of before there were changes have none in their hash either.
  const content = JSON.stringify(changes === null ? fields : [...fields, changes]);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(content));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
