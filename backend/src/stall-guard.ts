import { TransientFailure } from './retry.ts';

/** A signal that also fires when nothing has moved for a while: a peer that vanished sends no error. */
export interface StallGuard extends Disposable {
  /** Its reason is a TransientFailure when it fired for want of movement. */
  readonly signal: AbortSignal;
  /** Something moved: the wait starts again. */
  touch(): void;
}

export function createStallGuard(signal: AbortSignal, stallMs: number): StallGuard {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new TransientFailure(`nothing arrived for ${stallMs} ms`)), stallMs);
  return {
    signal: AbortSignal.any([signal, stalled.signal]),
    touch: () => void timer.refresh(),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
