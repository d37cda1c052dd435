import { GatewayError } from '../errors.ts';

interface Waiter {
  weight: number;
  grant(): void;
}

/**
 * A fair semaphore with weights: `acquire(1)` is one request among others, `acquire(capacity)` runs alone.
 * Strictly first come, first served, so that a request that must run alone is not starved.
 */
export class Slots {
  readonly capacity: number;
  #used = 0;
  readonly #waiting: Waiter[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** @returns the function that gives the slots back. @throws client_closed_request when `signal` aborts first. */
  async acquire(weight: number, signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw abandoned();
    if (this.#waiting.length === 0 && this.#used + weight <= this.capacity) this.#used += weight;
    else await this.#wait(weight, signal);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#used -= weight;
      this.#grantNext();
    };
  }

  #wait(weight: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        weight,
        grant: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        this.#grantNext();
        reject(abandoned());
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #grantNext(): void {
    for (let next = this.#waiting[0]; next && this.#used + next.weight <= this.capacity; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.weight;
      next.grant();
    }
  }
}

function abandoned(): GatewayError {
  return new GatewayError('client_closed_request', { message: 'The client closed the connection.' });
}
