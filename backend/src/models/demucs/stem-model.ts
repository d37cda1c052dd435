/** Graphs that make stems together: one that makes all, or a bag of which each member is good at one. */
import type { HtdemucsGraph } from './htdemucs-graph.ts';

/** A model of music as the separation sees it; whoever has several devices can pass one that distributes. */
export interface SegmentModel {
  /** Frames of a segment, at 44.1 kHz. */
  readonly size: number;
  /** Names of what `run` makes, in its order. */
  readonly stems: readonly string[];
  /** A normalised segment [2, size] → [stems, 2, size]. */
  run(segment: Float32Array, signal: AbortSignal): Promise<Float32Array>;
}

export interface BagMember {
  graph: HtdemucsGraph;
  /** Stems it makes, in the graph's order. */
  makes: readonly string[];
  /** Stems of it that are used. Default: all it makes. */
  keeps?: readonly string[];
}

/**
 * The wanted stems, in the order asked for. Only members that keep one of them run, one after the other.
 * @throws Error where no member, or more than one, keeps a wanted stem, or members hear segments of different lengths.
 */
export function segmentModel(members: readonly BagMember[], wanted: readonly string[]): SegmentModel {
  const parts = members
    .map(({ graph, makes, keeps = makes }) => ({ graph, makes, stems: wanted.filter((stem) => keeps.includes(stem)) }))
    .filter(({ stems }) => stems.length > 0);
  const kept = parts.flatMap(({ stems }) => stems);
  if (kept.length !== wanted.length || new Set(kept).size !== wanted.length) {
    throw new Error(`The model cannot make each of ${wanted.join()} once: its parts make ${kept.join()}`);
  }
  const size = parts[0]?.graph.size ?? 0;
  if (parts.some(({ graph }) => graph.size !== size)) throw new Error('The members hear segments of different lengths');
  return {
    size,
    stems: wanted,
    async run(segment, signal) {
      const made = new Float32Array(wanted.length * 2 * size);
      for (const { graph, makes, stems } of parts) {
        signal.throwIfAborted();
        const numbers = stems.map((stem) => makes.indexOf(stem));
        const output = await graph.run(segment, numbers);
        for (const [i, stem] of stems.entries()) {
          made.set(output.subarray(i * 2 * size, (i + 1) * 2 * size), wanted.indexOf(stem) * 2 * size);
        }
      }
      return made;
    },
  };
}
