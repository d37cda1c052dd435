import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { decodeStereo } from '../../../backend/src/audio/decode-stereo.ts';
import { improvement, sdr, siSdr } from '../../../backend/src/audio/separation-metrics.ts';
import type { Clip } from './manifest.ts';
import { type Endpoint, fetchFile, parseAnswer, postForm } from './post-form.ts';

/** In dB, over both channels at once, at 44.1 kHz; NaN where the source, or for SI-SDR what was made of it, is silent. */
export interface SourceScores {
  siSdr: number;
  /** Over the unprocessed mixture. */
  siSdrImprovement: number;
  sdr: number;
  sdrImprovement: number;
}

export interface Separated {
  scores: Map<string, SourceScores>;
  /** Length of the audio as the server has it. */
  seconds: number;
  latencySeconds: number;
}

const answer = z.object({ duration: z.number(), stems: z.array(z.object({ stem: z.string(), url: z.string() })) });

/**
 * Sends one mixture to `POST /audio/separations` and compares the stems with its sources, stem → path.
 * @throws Error saying what the server or the network answered, or that lengths differ.
 */
export async function separateClip(
  clip: Clip,
  references: ReadonlyMap<string, string>,
  endpoint: Endpoint,
): Promise<Separated> {
  const form = new FormData();
  form.set('model', endpoint.model);
  form.set('response_format', 'json');
  form.set('output_format', 'wav_float');
  form.set('background', 'false');
  for (const stem of references.keys()) form.append('stems[]', stem);
  form.set('file', await openAsBlob(clip.path), basename(clip.path));
  const { body, latencySeconds } = await postForm('/audio/separations', form, endpoint);
  const { duration, stems } = parseAnswer(body, answer);
  const mixture = await samplesOf(clip.path);
  const scores = new Map<string, SourceScores>();
  const folder = await mkdtemp(join(tmpdir(), 'audio-gateway-eval-'));
  try {
    for (const [stem, path] of references) {
      const made = stems.find((each) => each.stem === stem);
      if (made === undefined) throw new Error(`the answer has no ${stem}`);
      const file = join(folder, 'stem.wav');
      await writeFile(file, await fetchFile(made.url, endpoint));
      scores.set(stem, scoresOf(await samplesOf(path), await samplesOf(file), mixture));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { scores, seconds: duration, latencySeconds };
}

/** All samples [n, 2] at 44.1 kHz: references and mixture go the way that the server's audio went. */
async function samplesOf(path: string): Promise<Float32Array> {
  const limits = { maxSeconds: 1e5, maxDecodedBytes: 1e12 };
  const bytes: Buffer[] = [];
  for await (const chunk of decodeStereo(path, { signal: AbortSignal.timeout(600_000), ...limits })) {
    bytes.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  }
  return new Float32Array(new Uint8Array(Buffer.concat(bytes)).buffer);
}

function scoresOf(reference: Float32Array, estimate: Float32Array, mixture: Float32Array): SourceScores {
  const signals = { reference, estimate, mixture };
  return {
    siSdr: siSdr(reference, estimate),
    siSdrImprovement: improvement(siSdr, signals),
    sdr: sdr(reference, estimate),
    sdrImprovement: improvement(sdr, signals),
  };
}
