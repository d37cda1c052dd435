/** From frames with speakers to turns in seconds. */
import { type FrameGrid, frameMiddle } from './frames.ts';

/** A stretch in which one speaker talks without a pause. */
export interface Turn {
  /** SPEAKER_00, SPEAKER_01, … in the order in which they first talk. */
  speaker: string;
  /** Seconds. */
  start: number;
  end: number;
  /**
   * In [0, 1]: the mean over the turn's frames of the part of the covering windows in which the speaker is active, each
   * window counted with how sure its assignment to the speaker is. It is low where windows disagree, at the rim of
   * speech and between similar voices, and 0 for a speaker who is only counted, not found. Not a calibrated probability.
   */
  confidence: number;
}

/** A turn in frames: from the middle of `from` to the middle of `to`. */
export interface FrameTurn {
  cluster: number;
  from: number;
  to: number;
  /** Sum of the frames' votes, and their number. */
  votes: number;
  frames: number;
}

/** Collects turns while frames go by. */
export class TurnCollector {
  readonly turns: FrameTurn[] = [];
  readonly #open: (FrameTurn | undefined)[];

  constructor(clusters: number) {
    this.#open = new Array(clusters).fill(undefined);
  }

  /** The cluster talks in this frame, to which it was voted with `vote` in [0, 1]. */
  on(cluster: number, frame: number, vote: number): void {
    const turn = this.#open[cluster] ?? { cluster, from: frame, to: frame, votes: 0, frames: 0 };
    turn.votes += vote;
    turn.frames++;
    this.#open[cluster] = turn;
  }

  /** The cluster does not talk in this frame: the middle of the first silent frame ends a turn. */
  off(cluster: number, frame: number): void {
    const turn = this.#open[cluster];
    if (turn === undefined) return;
    this.#open[cluster] = undefined;
    this.turns.push({ ...turn, to: frame });
  }

  /** A turn still open ends in the middle of the last frame: if it began there, it has no length. */
  finish(lastFrame: number): void {
    for (const turn of this.#open) {
      if (turn !== undefined) this.turns.push({ ...turn, to: lastFrame });
    }
    this.#open.fill(undefined);
  }
}

export interface TurnOptions {
  grid: FrameGrid;
  /** Shorter pauses of one speaker are filled; seconds. */
  minDurationOff: number;
  /** Turns end here at the latest; seconds. */
  audioSeconds: number;
}

/** Clusters instead of names. */
export type UnnamedTurn = Omit<Turn, 'speaker'> & { cluster: number };

/** Sorted by start, then end; without turns of no length. */
export function toSeconds(turns: readonly FrameTurn[], options: TurnOptions): UnnamedTurn[] {
  return fillPauses(turns, options)
    .map(({ cluster, from, to, votes, frames }) => ({
      cluster,
      start: frameMiddle(options.grid, from),
      end: Math.min(frameMiddle(options.grid, to), options.audioSeconds),
      confidence: Math.min(1, votes / frames),
    }))
    .filter(({ start, end }) => start < end)
    .sort((a, b) => a.start - b.start || a.end - b.end || a.cluster - b.cluster);
}

function fillPauses(turns: readonly FrameTurn[], { grid, minDurationOff }: TurnOptions): FrameTurn[] {
  const filled: FrameTurn[] = [];
  const last = new Map<number, FrameTurn>();
  for (const turn of turns.toSorted((a, b) => a.from - b.from)) {
    const before = last.get(turn.cluster);
    if (before !== undefined && frameMiddle(grid, turn.from) - frameMiddle(grid, before.to) < minDurationOff) {
      before.to = turn.to;
      before.votes += turn.votes;
      before.frames += turn.frames;
      continue;
    }
    const copy = { ...turn };
    last.set(turn.cluster, copy);
    filled.push(copy);
  }
  return filled;
}

/** Clusters in the order in which they first talk. */
export function orderOfAppearance(turns: readonly UnnamedTurn[]): number[] {
  return [...new Set(turns.map(({ cluster }) => cluster))];
}

export function nameTurns(turns: readonly UnnamedTurn[], order: readonly number[]): Turn[] {
  return turns.map(({ cluster, ...turn }) => ({ speaker: speakerName(order.indexOf(cluster)), ...turn }));
}

export function speakerName(index: number): string {
  return `SPEAKER_${String(index).padStart(2, '0')}`;
}
