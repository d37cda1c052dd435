/** Tells a database that cannot be reached from a statement that is wrong. */
import { GatewayError } from '../errors.ts';

/** https://www.postgresql.org/docs/18/errcodes-appendix.html: connection exceptions, shutdowns, no session free. */
const UNAVAILABLE_STATES = /^(08\w{3}|57P0[1-3]|53300)$/;
const UNAVAILABLE_ERRNO = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** What `pg` and `pg-pool` say without a code, and the server with one that means other things too. */
const UNAVAILABLE_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|database ".*" is not currently accepting connections)/;

export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // Node tries each address of a name, and reports all failures together.
  if (error instanceof AggregateError) return error.errors.every(isUnavailable);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return UNAVAILABLE_STATES.test(code) || UNAVAILABLE_ERRNO.has(code) || UNAVAILABLE_MESSAGES.test(error.message);
}

/** `database_unavailable` when that is what it is, else the error itself. */
export function toDatabaseError(error: unknown): unknown {
  if (!isUnavailable(error)) return error;
  return new GatewayError('database_unavailable', {
    message: 'The database cannot be reached at the moment. Try again shortly.',
    retryAfterSeconds: 1,
    cause: error,
  });
}
