/** A file's way through the gateway's separation, and how far the stems are from the reference's. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeStereo } from '../../../backend/src/audio/decode-stereo.ts';
import { openEncoder } from '../../../backend/src/audio/encode.ts';
import { openStereoFile, writeStereoFile } from '../../../backend/src/audio/stereo-file.ts';
import { type HtdemucsGraph, htdemucsGraph } from '../../../backend/src/models/demucs/htdemucs-graph.ts';
import { openGraph } from '../../../backend/src/models/demucs/open-graph.ts';
import { separate } from '../../../backend/src/models/demucs/separate.ts';
import { segmentModel } from '../../../backend/src/models/demucs/stem-model.ts';
import { graphFolding, openSession } from '../../../backend/src/worker/onnx.ts';
import { DEMUCS_STEMS, type DemucsCase, demucsGraph, seededTrack } from '../../support/demucs.ts';

/** The small HTDemucs as a worker opens it: simplified and rewritten. @throws Error where it would run as published. */
export async function openDemucs(variant: 'inside' | 'outside'): Promise<HtdemucsGraph> {
  const folder = await mkdtemp(join(tmpdir(), 'separation-'));
  try {
    const path = join(folder, 'published.onnx');
    await writeFile(path, await demucsGraph(variant));
    const session = await openGraph(
      {
        openSession: (graph, options = {}) => openSession(graph, { threads: 2, device: 'cpu', ...options }),
        derivedFolder: async () => folder,
        folding: await graphFolding('cpu'),
        log(message, { reason } = {}) {
          throw new Error(`${message}: ${reason}`);
        },
      },
      path,
    );
    return htdemucsGraph(session, DEMUCS_STEMS.length);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The case's track as a file of its rate and channels → decoded → separated by each graph: stems [frames, 2]. */
export async function separateCase(
  expected: DemucsCase,
  graphs: readonly HtdemucsGraph[],
  { stems = DEMUCS_STEMS, parallel = 1 }: { stems?: readonly string[]; parallel?: number } = {},
): Promise<Float32Array[][]> {
  const signal = new AbortController().signal;
  const folder = await mkdtemp(join(tmpdir(), 'separation-'));
  try {
    const wav = join(folder, 'track.wav');
    const form = { encoding: { format: 'wav', sample: 'f32' } as const, sampleRate: expected.rate, signal };
    {
      await using encoder = await openEncoder(wav, { ...form, channels: expected.channels });
      await encoder.write(seededTrack(expected));
      await encoder.finish();
    }
    const pcm = join(folder, 'track.f32');
    await writeStereoFile(pcm, decodeStereo(wav, { signal, maxSeconds: 3600, maxDecodedBytes: 2 ** 30 }));
    await using track = await openStereoFile(pcm);
    const results: Float32Array[][] = [];
    for (const graph of graphs) {
      const whole = stems.map(() => new Float32Array(2 * track.frames));
      let at = 0;
      const model = segmentModel([{ graph, makes: DEMUCS_STEMS }], stems);
      const { shifts, seed } = expected;
      for await (const block of separate(track, model, { shifts, seed, parallel, signal })) {
        for (const [i, part] of block.entries()) whole[i]?.set(part, at);
        at += block[0]?.length ?? 0;
      }
      if (at !== 2 * track.frames) throw new Error(`${at / 2} of ${track.frames} frames came out`);
      results.push(whole);
    }
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The largest error at the reference's positions, and of each channel's loudness (root mean square) over all frames. */
export function errorOf(made: readonly Float32Array[], expected: DemucsCase): number {
  if (made[0]?.length !== 2 * expected.separatedFrames) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (const [i, stem] of made.entries()) {
    for (const channel of [0, 1]) {
      const wanted = expected.stems[i]?.[channel] ?? [];
      for (const [n, position] of expected.positions.entries()) {
        largest = larger(largest, (stem[2 * position + channel] ?? Number.NaN) - (wanted[n] ?? Number.NaN));
      }
      let power = 0;
      for (let at = channel; at < stem.length; at += 2) power += (stem[at] ?? 0) ** 2;
      const loudness = Math.sqrt((2 * power) / stem.length);
      largest = larger(largest, loudness - Math.sqrt(expected.power[i]?.[channel] ?? Number.NaN));
    }
  }
  return largest;
}

/** The largest difference of any sample. */
export function differenceOf(one: readonly Float32Array[], other: readonly Float32Array[]): number {
  let largest = 0;
  for (const [i, stem] of one.entries()) {
    const twin = other[i];
    for (let at = 0; at < stem.length; at += 1) {
      largest = larger(largest, (stem[at] ?? Number.NaN) - (twin?.[at] ?? Number.NaN));
    }
  }
  return largest;
}

/** NaN counts as infinite. */
function larger(largest: number, difference: number): number {
  return Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.abs(difference));
}
