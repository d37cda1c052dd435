/** How many tokens a run of the loop may write before it comes up for air: nothing else happens in the process meanwhile. */

export interface RunLengths {
  /** Tokens for a run of that many rows. */
  of(rows: number): number;
  /** A run's cost, from which the next ones' lengths follow. */
  note(rows: number, tokens: number, milliseconds: number): void;
}

/** Milliseconds a run shall take: a cancelled request is heard of within 2 s. */
const WANTED_MS = 1500;
/** Fewer are not worth the next run's start, which makes the encoder's keys and values anew. */
const FEWEST = 64;

export function createRunLengths(): RunLengths {
  const costs = new Map<number, number>();
  return {
    of(rows) {
      const cost = costs.get(rows);
      return cost === undefined ? FEWEST : Math.max(FEWEST, Math.floor(WANTED_MS / cost));
    },
    note(rows, tokens, milliseconds) {
      const cost = milliseconds / tokens;
      const before = costs.get(rows);
      costs.set(rows, before === undefined ? cost : (before + cost) / 2);
    },
  };
}
