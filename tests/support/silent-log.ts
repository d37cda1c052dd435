/** A logger that nobody reads. */
import type { Logger } from '../../backend/src/logger.ts';

const nothing = () => {};
export const silentLog: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLog,
};
