/** The database: whether it answers, has the shape this version expects, and tells the same time. */
import type { DoctorFinding } from '../../contract/doctor.ts';
import { type Check, fail, ok, rootReason, warn } from '../check.ts';

export interface DatabaseState {
  /** Which one it is, in words, without its password. */
  description: string;
  /** Migrations of this version that have not run. */
  pending: readonly string[];
  /** Migrations that this version does not know. */
  unknown: readonly string[];
  /** Its clock ahead of ours, in seconds. */
  clockSkewSeconds: number;
}

export interface DatabaseCheckOptions {
  /** undefined: the embedded one is yet to be made. @throws Error when it does not answer; its message names no password */
  examineDatabase(signal: AbortSignal): Promise<DatabaseState | undefined>;
}

/** `npm run doctor` beside a gateway that is stopped starts its database first. */
const TIMEOUT_MS = 60_000;
/** Leases of jobs and limits per minute are counted by its clock and ours. */
const MAX_SKEW_SECONDS = 5;

export function databaseCheck({ examineDatabase }: DatabaseCheckOptions): Check {
  return {
    id: 'database',
    timeoutMs: TIMEOUT_MS,
    run: async (signal) => {
      try {
        const state = await examineDatabase(signal);
        return state === undefined ? [ok('database', 'The first start makes one in DATA_DIR.')] : findings(state);
      } catch (error) {
        if (signal.aborted) throw error;
        return [
          fail('database', {
            summary: `It does not answer: ${rootReason(error)}`,
            fix: 'Start the server that DATABASE_URL names, or mend the URL; of the embedded one, the log says more.',
          }),
        ];
      }
    },
  };
}

function findings({ description, pending, unknown, clockSkewSeconds: skew }: DatabaseState): DoctorFinding[] {
  return [
    ok('database', description),
    examineMigrations(pending, unknown),
    ...(Math.abs(skew) <= MAX_SKEW_SECONDS
      ? []
      : [
          warn('clock.database', {
            summary: `Its clock is ${Math.abs(skew).toFixed(0)} s ${skew > 0 ? 'ahead of' : 'behind'} this machine's.`,
            fix: 'Let both machines take their time from a time server (NTP).',
          }),
        ]),
  ];
}

function examineMigrations(pending: readonly string[], unknown: readonly string[]): DoctorFinding {
  const id = 'database.migrations';
  if (unknown.length > 0) {
    return fail(id, {
      summary: `It belongs to a newer version of the gateway: it has ${unknown.join(', ')}.`,
      fix: 'Start that version, or restore a backup of before.',
    });
  }
  if (pending.length > 0) {
    return warn(id, {
      summary: `To be migrated: ${pending.join(', ')}`,
      fix: 'Start the gateway: it migrates at the start.',
    });
  }
  return ok(id, 'Up to date');
}
