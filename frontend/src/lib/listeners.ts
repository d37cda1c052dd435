/** Whoever wants to know of a change; the subscribe half fits React's `useSyncExternalStore`. */
export interface Listenable {
  /** @returns what ends the subscription. */
  subscribe(listener: () => void): () => void;
  tell(): void;
}

export function listeners(): Listenable {
  const all = new Set<() => void>();
  return {
    subscribe: (listener) => {
      all.add(listener);
      return () => all.delete(listener);
    },
    tell: () => {
      for (const listener of [...all]) listener();
    },
  };
}
