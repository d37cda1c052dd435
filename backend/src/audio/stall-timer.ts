/**
 * Bounds how long a decoder may keep its caller waiting: any one wait, and all waits together beyond the audio they
 * brought. A file can so neither hang the decoder nor feed it one sample a minute.
 */
export class StallTimer {
  readonly #limitSeconds: number;
  readonly #onExpired: () => void;
  #waitedSeconds = 0;
  #expired = false;

  constructor(limitSeconds: number, onExpired: () => void) {
    this.#limitSeconds = limitSeconds;
    this.#onExpired = onExpired;
  }

  /** True once `onExpired` has been called. */
  get expired(): boolean {
    return this.#expired;
  }

  /** Awaits `wait`; when the limit passes first, calls `onExpired`, which must make `wait` settle. */
  async during<T>(wait: Promise<T>, decodedSeconds: number): Promise<T> {
    const allowed = Math.min(this.#limitSeconds, this.#limitSeconds + decodedSeconds - this.#waitedSeconds);
    const started = performance.now();
    const timer = setTimeout(() => {
      this.#expired = true;
      this.#onExpired();
    }, Math.max(0, allowed) * 1000);
    try {
      return await wait;
    } finally {
      clearTimeout(timer);
      this.#waitedSeconds += (performance.now() - started) / 1000;
    }
  }
}
