/** How long each stage of a run takes, by what it tells of its progress. */

export interface StageClock {
  /** With `done` 0 a stage begins; otherwise the event tells of work since the event before it. */
  hear(event: { stage: string; done: number }): void;
  /** Milliseconds by stage; what has passed since the last event is its stage's. */
  end(): Record<string, number>;
}

export function stageClock(now: () => number = () => performance.now()): StageClock {
  const spent: Record<string, number> = {};
  let since = now();
  let begun: string | undefined;
  let last = '';
  const count = (stage: string) => {
    const at = now();
    spent[stage] = (spent[stage] ?? 0) + at - since;
    since = at;
  };
  return {
    hear({ stage, done }) {
      count(begun ?? stage);
      begun = done === 0 ? stage : undefined;
      last = stage;
    },
    end() {
      count(last);
      return spent;
    },
  };
}
