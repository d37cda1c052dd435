/** The last items of an endless series, in order. */
import { listeners } from '../../lib/listeners.ts';

export class Ring<T> {
  readonly capacity: number;
  readonly #items: T[] = [];
  readonly #changed = listeners();
  /** Where the oldest is, once the ring is full. */
  #start = 0;
  #array: readonly T[] | undefined;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#items.length;
  }

  /** @param index 0 is the oldest. */
  at(index: number): T | undefined {
    return this.#items[(this.#start + index) % this.capacity];
  }

  push(...items: T[]): void {
    for (const item of items) {
      if (this.#items.length < this.capacity) {
        this.#items.push(item);
      } else {
        this.#items[this.#start] = item;
        this.#start = (this.#start + 1) % this.capacity;
      }
    }
    this.#tell();
  }

  clear(): void {
    this.#items.length = 0;
    this.#start = 0;
    this.#tell();
  }

  /** Oldest first; the same array until the next change: a snapshot for `useSyncExternalStore`. */
  readonly toArray = (): readonly T[] => {
    this.#array ??= [...this.#items.slice(this.#start), ...this.#items.slice(0, this.#start)];
    return this.#array;
  };

  readonly subscribe = (listener: () => void): (() => void) => this.#changed.subscribe(listener);

  #tell(): void {
    this.#array = undefined;
    this.#changed.tell();
  }
}
