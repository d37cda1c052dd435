/** When which window of the stems sounds, and how loud each stem is: the sums of the stem player. Times in seconds. */

export const WINDOW_SECONDS = 8;
/** Windows that are scheduled ahead of the one that sounds. */
export const AHEAD = 1;

export function windowAt(time: number): number {
  return Math.max(0, Math.floor(time / WINDOW_SECONDS));
}

/** How a window's buffer is started: `when` on the clock of the AudioContext, `offset` into the buffer. */
export interface WindowStart {
  when: number;
  offset: number;
}

/**
 * @param origin what the context's clock showed, or will show, at the beginning of the recording
 * @param from where in the recording playing began
 */
export function startOfWindow(index: number, { origin, from }: { origin: number; from: number }): WindowStart {
  const begin = index * WINDOW_SECONDS;
  const offset = Math.max(0, from - begin);
  return { when: origin + begin + offset, offset };
}

/** The windows that should be scheduled while `time` sounds, from the first that is not yet. */
export function windowsDue(time: number, next: number, duration: number): number[] {
  const last = Math.min(windowAt(time) + AHEAD, windowAt(Math.max(0, duration - 1e-6)));
  return Array.from({ length: Math.max(0, last - next + 1) }, (_, index) => next + index);
}

export interface Mix {
  muted: ReadonlySet<string>;
  soloed: ReadonlySet<string>;
  /** The recording as it was, in place of the stems. */
  original: boolean;
  /** 0 … 1, where it is not 1. */
  volumes: ReadonlyMap<string, number>;
}

export const ORIGINAL = 'original';

/** Gain of each track. A stem that is both muted and soloed is silent. */
export function gainsOf(tracks: readonly string[], { muted, soloed, original, volumes }: Mix): Map<string, number> {
  return new Map(
    tracks.map((track) => {
      if (track === ORIGINAL) return [track, original ? 1 : 0];
      const sounds = !original && !muted.has(track) && (soloed.size === 0 || soloed.has(track));
      return [track, sounds ? (volumes.get(track) ?? 1) : 0];
    }),
  );
}
