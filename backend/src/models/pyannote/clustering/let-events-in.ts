/** Between two steps of a long computation. */
import { setImmediate } from 'node:timers/promises';

/** Lets the event loop turn once, so that messages come in, an abort among them. @throws the reason of the abort. */
export async function letEventsIn(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}
