/** Who speaks when: the windows put together again, with overlap and without (pyannote.audio 4's `reconstruct`). */
import type { Segmentations } from '../segmentations.ts';
import { assignmentCertainty } from './certainty.ts';
import { type FrameGrid, firstFrame, SEGMENTATION_3_0 } from './frames.ts';
import { countSpeakers, coveringWindows } from './speaker-count.ts';
import { nameTurns, orderOfAppearance, type Turn, TurnCollector, toSeconds } from './turns.ts';

export interface ReconstructInput {
  segmentations: Segmentations;
  /** What `cluster` found. */
  clustering: {
    clusters: number;
    /** [chunks, speakers], below 0 for no cluster. */
    assigned: Int32Array;
    /** [chunks, speakers, clusters] */
    scores: Float64Array;
  };
}

export interface ReconstructOptions {
  grid?: FrameGrid;
  /** No more speakers than this at once. */
  maxSpeakers?: number | undefined;
  /** Pauses within a speaker's turn that are shorter are filled; seconds. */
  minDurationOff?: number;
  /** Length of the audio, at which turns end at the latest: the last window may reach beyond it. */
  audioSeconds?: number;
}

export interface Reconstruction {
  /** With overlap: several speakers may talk at once. Sorted by start. */
  turns: Turn[];
  /** At most one speaker at a time; the same names. */
  exclusiveTurns: Turn[];
  /**
   * Cluster of SPEAKER_00, SPEAKER_01, …: the row of its centroid. May be ≥ `clusters`, for a voice that was only counted
   * and has no centroid.
   */
  clusterOf: number[];
  /** Speakers at once, before `maxSpeakers`; [total frames]. */
  count: Uint8Array;
  /** 1 where a cluster talks; [total frames, columns]. */
  discrete: { data: Uint8Array; columns: number };
}

/** Frames put together at a time: memory does not grow with clusters × length of the audio, but for `discrete`. */
const TILE = 4096;

export function reconstruct(input: ReconstructInput, options: ReconstructOptions = {}): Reconstruction {
  const { grid = SEGMENTATION_3_0, maxSpeakers = Number.POSITIVE_INFINITY } = options;
  const count = countSpeakers(input.segmentations, grid);
  const total = count.length;
  const capped = count.map((speakers) => Math.min(speakers, maxSpeakers));
  const windows = coveringWindows(input.segmentations, grid);
  const known = input.clustering.assigned.reduce((most, cluster) => Math.max(most, cluster + 1), 0);
  // Someone who is counted but in no cluster is a speaker of its own.
  const columns = capped.reduce((most, speakers) => Math.max(most, speakers), known);
  const discrete = { data: new Uint8Array(total * columns), columns };
  const overlapping = new TurnCollector(columns);
  const exclusive = new TurnCollector(columns);
  const tiles = new ClusterActivity(input, grid, columns);
  for (let from = 0; from < total; from += TILE) {
    const to = Math.min(from + TILE, total);
    const { activity, votes } = tiles.add(from, to);
    for (let frame = from; frame < to; frame++) {
      const row = frame * columns;
      const own = activity.subarray((frame - from) * columns, (frame - from + 1) * columns);
      let first = -1;
      for (let rank = 0; rank < (capped[frame] as number); rank++) {
        const loudest = strongest(own, discrete.data.subarray(row, row + columns));
        discrete.data[row + loudest] = 1;
        if (rank === 0) first = loudest;
      }
      for (let cluster = 0; cluster < columns; cluster++) {
        const vote = (votes[(frame - from) * columns + cluster] as number) / Math.max(1, windows[frame] as number);
        if (discrete.data[row + cluster] === 1) overlapping.on(cluster, frame, vote);
        else overlapping.off(cluster, frame);
        if (cluster === first) exclusive.on(cluster, frame, vote);
        else exclusive.off(cluster, frame);
      }
    }
  }
  overlapping.finish(total - 1);
  exclusive.finish(total - 1);
  const { minDurationOff = 0, audioSeconds = Number.POSITIVE_INFINITY } = options;
  const turns = toSeconds(overlapping.turns, { grid, minDurationOff, audioSeconds });
  const exclusiveTurns = toSeconds(exclusive.turns, { grid, minDurationOff, audioSeconds });
  const clusterOf = orderOfAppearance(turns);
  return {
    turns: nameTurns(turns, clusterOf),
    exclusiveTurns: nameTurns(exclusiveTurns, clusterOf),
    clusterOf,
    count,
    discrete,
  };
}

/** The column with the greatest activity that is not taken yet; the first of equal ones. */
function strongest(activity: Float32Array, taken: Uint8Array): number {
  let best = -1;
  for (let column = 0; column < activity.length; column++) {
    if (taken[column] === 1) continue;
    if (best < 0 || (activity[column] as number) > (activity[best] as number)) best = column;
  }
  return best;
}

/** Sums the windows' activities per cluster, a stretch of frames at a time, in the order of time. */
class ClusterActivity {
  readonly #segmentations: Segmentations;
  readonly #assigned: Int32Array;
  readonly #certainty: Float32Array;
  readonly #grid: FrameGrid;
  readonly #columns: number;
  readonly #activity: Float32Array;
  readonly #votes: Float32Array;
  #firstChunk = 0;

  constructor({ segmentations, clustering }: ReconstructInput, grid: FrameGrid, columns: number) {
    this.#segmentations = segmentations;
    this.#assigned = clustering.assigned;
    this.#certainty = assignmentCertainty(clustering.scores, clustering.assigned, clustering.clusters);
    this.#grid = grid;
    this.#columns = columns;
    this.#activity = new Float32Array(TILE * columns);
    this.#votes = new Float32Array(TILE * columns);
  }

  /**
   * [to - from, columns] each, valid until the next call. `activity`: sum over the windows of the most active of the
   * cluster's local speakers. `votes`: the same, weighted by the certainty of the assignment.
   */
  add(from: number, to: number): { activity: Float32Array; votes: Float32Array } {
    this.#activity.fill(0);
    this.#votes.fill(0);
    const { chunks, frames } = this.#segmentations;
    while (this.#firstChunk < chunks && firstFrame(this.#grid, this.#firstChunk) + frames <= from) this.#firstChunk++;
    for (let chunk = this.#firstChunk; chunk < chunks; chunk++) {
      const first = firstFrame(this.#grid, chunk);
      if (first >= to) break;
      this.#addChunk(chunk, first, { from, to });
    }
    return { activity: this.#activity, votes: this.#votes };
  }

  #addChunk(chunk: number, first: number, { from, to }: { from: number; to: number }): void {
    const { data, frames, speakers } = this.#segmentations;
    const end = Math.min(first + frames, to);
    for (let speaker = 0; speaker < speakers; speaker++) {
      const row = chunk * speakers + speaker;
      const cluster = this.#assigned[row] as number;
      if (cluster < 0) continue;
      const rivals = this.#rivals(chunk, speaker);
      const certainty = this.#certainty[row] as number;
      for (let frame = Math.max(first, from); frame < end; frame++) {
        const at = (chunk * frames + frame - first) * speakers;
        const value = data[at + speaker] as number;
        // Of several local speakers in one cluster only the most active counts, of equal ones the first.
        if (value === 0 || rivals.some((other) => beats(data[at + other] as number, other, value, speaker))) continue;
        const out = (frame - from) * this.#columns + cluster;
        this.#activity[out] = (this.#activity[out] as number) + value;
        this.#votes[out] = (this.#votes[out] as number) + value * certainty;
      }
    }
  }

  /** Other local speakers of the window in the same cluster. */
  #rivals(chunk: number, speaker: number): number[] {
    const start = chunk * this.#segmentations.speakers;
    const own = this.#assigned[start + speaker];
    return Array.from({ length: this.#segmentations.speakers }, (_, other) => other).filter(
      (other) => other !== speaker && this.#assigned[start + other] === own,
    );
  }
}

function beats(value: number, index: number, against: number, againstIndex: number): boolean {
  return value > against || (value === against && index < againstIndex);
}
