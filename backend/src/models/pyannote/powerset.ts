/** What pyannote's powerset classes say about each local speaker (utils/powerset.py). */

/** Speakers that one window tells apart. */
export const LOCAL_SPEAKERS = 3;
/** Class → who speaks: at most two of three at a time, sets in the order of their size. */
const CLASSES: readonly (readonly [number, number, number])[] = [
  [0, 0, 0],
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [1, 1, 0],
  [1, 0, 1],
  [0, 1, 1],
];
export const POWERSET_CLASSES = CLASSES.length;

/** `scores` [frames, 7] of whatever monotone scale → `active` [frames, 3], 1 where the likeliest class has the speaker. */
export function decodePowerset(scores: ArrayLike<number>, active: Uint8Array): void {
  for (let frame = 0, at = 0; at < scores.length; frame += 1, at += POWERSET_CLASSES) {
    let best = 0;
    for (let candidate = 1; candidate < POWERSET_CLASSES; candidate += 1) {
      if ((scores[at + candidate] as number) > (scores[at + best] as number)) best = candidate;
    }
    active.set(CLASSES[best] as readonly [number, number, number], frame * LOCAL_SPEAKERS);
  }
}
