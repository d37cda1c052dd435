/** One thing to examine, and the words in which its findings are told. */
import type { DoctorFinding } from '../contract/doctor.ts';

export interface Check {
  /** Names the check itself when it does not come to a finding. */
  id: string;
  timeoutMs: number;
  /** Aborting the signal ends whatever it has started. What it throws becomes a finding. */
  run(signal: AbortSignal): Promise<DoctorFinding[]>;
}

export function ok(id: string, summary: string, detail?: string): DoctorFinding {
  return { id, status: 'ok', summary, fix: null, detail: detail ?? null };
}

export interface Problem {
  summary: string;
  /** One sentence. */
  fix: string;
  detail?: string | undefined;
}

export function warn(id: string, { summary, fix, detail }: Problem): DoctorFinding {
  return { id, status: 'warn', summary, fix, detail: detail || null };
}

export function fail(id: string, { summary, fix, detail }: Problem): DoctorFinding {
  return { id, status: 'fail', summary, fix, detail: detail || null };
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What is at the bottom of it: `connect ECONNREFUSED 127.0.0.1:5432`, not that something cannot be reached. */
export function rootReason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error) return rootReason(cause);
  // Of several addresses that were tried, only a code is left.
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return reasonOf(error) || code;
}

/** For people: `3.4 GiB`, `512 MiB`. */
export function inWords(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 1_024 ? `${Math.floor(mebibytes)} MiB` : `${(mebibytes / 1_024).toFixed(1)} GiB`;
}
