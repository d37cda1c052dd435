/** What a full disk is to the caller of a request. */
import { GatewayError } from '../errors.ts';

/** @throws GatewayError `insufficient_storage` saying what does not fit, for a full disk or quota; else the error itself. */
export function diskFull(error: NodeJS.ErrnoException, what: string): never {
  if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT') throw error;
  throw insufficientStorage(what, error);
}

export function insufficientStorage(what: string, cause: unknown): GatewayError {
  return new GatewayError('insufficient_storage', {
    message: `The server's disk is full: ${what} does not fit. Retry later, or with shorter audio.`,
    cause,
  });
}
