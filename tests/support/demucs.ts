/** The small HTDemucs of `tests/fixtures/demucs`, its tracks, and what the reference makes of them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { StereoSource } from '../../backend/src/audio/stereo-file.ts';
import { ELEMENT, graphMessage, graphWriter, modelMessage, valueInfo } from '../../backend/src/models/onnx-build.ts';
import { fillWeights, seededUniform } from './seeded-weights.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/demucs', import.meta.url));

export const DEMUCS_STEMS = ['drums', 'bass', 'other', 'vocals'];
/** Frames of a segment of the small HTDemucs: 1 s. */
export const DEMUCS_SEGMENT = 44_100;

/** With the Fourier transform inside the graph or outside of it; the same weights. */
export async function demucsGraph(variant: 'inside' | 'outside'): Promise<Uint8Array> {
  return fillWeights(gunzipSync(await readFile(join(FIXTURES, `${variant}.onnx.gz`))));
}

export interface DemucsCase {
  name: string;
  /** Of the file, at its rate. */
  frames: number;
  channels: 1 | 2;
  /** Hz, of the file. */
  rate: number;
  shifts: number;
  seed: number;
  offsets: number[];
  /** At 44.1 kHz. */
  separatedFrames: number;
  positions: number[];
  /** [stems, channels, positions] */
  stems: number[][][];
  /** [stems, channels], mean squares over all frames. */
  power: number[][];
}

export interface TransformCase {
  name: string;
  /** n_fft */
  size: number;
  samples: number;
  bins: number;
  frames: number;
  /** [bin, frame] of each of `spectrum`. */
  at: [number, number][];
  spectrum: [number, number][];
  positions: number[];
  /** At `positions`, of the seeded spectrum's inverse. */
  signal: number[];
  length: number;
}

export async function demucsReference(): Promise<{ cases: DemucsCase[]; transforms: TransformCase[] }> {
  return JSON.parse(gunzipSync(await readFile(join(FIXTURES, 'reference.json.gz'))).toString());
}

const KNOT = 11_025;

/** [frames, channels]: noise that swells and fades, not quite alike on both sides, beside zero. Twin of `seeded_track`. */
export function seededTrack({
  name,
  frames,
  channels,
}: Pick<DemucsCase, 'name' | 'frames' | 'channels'>): Float32Array {
  const seed = `track/${name}`;
  const knots = seededUniform(`${seed}/knots`, Math.floor(frames / KNOT) + 2).map((value) => 0.55 + 0.45 * value);
  const left = seededUniform(`${seed}/left`, frames);
  const right = channels === 2 ? seededUniform(`${seed}/right`, frames) : left;
  const track = new Float32Array(frames * channels);
  for (let at = 0; at < frames; at += 1) {
    const knot = Math.floor(at / KNOT);
    const [here, there] = [knots[knot] as number, knots[knot + 1] as number];
    const swell = 0.4 * (here + (there - here) * ((at % KNOT) / KNOT));
    const one = left[at] as number;
    track[at * channels] = swell * one + 0.01;
    if (channels === 2) track[2 * at + 1] = swell * (0.5 * one + 0.5 * (right[at] as number)) + 0.03;
  }
  return track;
}

/** Samples [frames, 2] as a track that can be read anywhere. */
export function trackOf(interleaved: Float32Array): StereoSource {
  const frames = interleaved.length / 2;
  return {
    frames,
    async read(from, count) {
      const planar = new Float32Array(2 * count);
      for (let i = Math.max(0, -from); i < Math.min(count, frames - from); i += 1) {
        planar[i] = interleaved[2 * (from + i)] as number;
        planar[count + i] = interleaved[2 * (from + i) + 1] as number;
      }
      return planar;
    },
  };
}

/** A graph whose every stem is a share of the mix; the length may be left open. */
export function sharingGraph(
  stems: number,
  share: number,
  length: number | string,
  names: [mix: string, stems: string] = ['mix', 'stems'],
): Uint8Array {
  const graph = graphWriter('share');
  const scaled = graph.op('Mul', [names[0], graph.float32(share)]);
  const row = graph.op('Unsqueeze', [scaled, graph.int64([1], [1])]);
  graph.op('Expand', [row, graph.int64([1, stems, 1, 1], [4])], {}, names[1]);
  const message = graphMessage({
    name: 'sharing',
    nodes: graph.nodes,
    initializers: graph.initializers,
    inputs: [valueInfo(names[0], ELEMENT.float32, [1, 2, length])],
    outputs: [valueInfo(names[1], ELEMENT.float32, [1, stems, 2, length])],
  });
  return modelMessage(message, 8, new Map([['', 17]]));
}
