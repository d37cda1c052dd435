/** Opens a speaker embedding graph (WeSpeaker's kinds) so that several speakers of a window can be asked for at once. */
import type { OpenedSession } from '../../audio/session.ts';
import type { LoadContext } from '../define-model.ts';
import { readOnnxFile } from '../onnx-file.ts';
import { exportedEmbedder, floatsOf, type OneEmbedder } from './exported-embedder.ts';
import { FEATURE_BINS } from './feature-windows.ts';
import { derivePooledGraph, POOLED } from './pooled-graph.ts';

/** Windows of one recording and the masks of their speakers. */
export interface EmbeddingBatch {
  windows: number;
  /** [windows, featureFrames, 80] */
  features: Float32Array;
  featureFrames: number;
  /** [windows, speakers, maskFrames] of 0 and 1 */
  masks: Float32Array;
  speakers: number;
  maskFrames: number;
}

/**
 * How speakers are told apart. `shared`: the network runs once a window, its frames are pooled by each mask. `masked`:
 * the graph as exported, once a speaker with its mask. `gathered`: a graph without masks, once a speaker on the frames
 * of its mask, which is an approximation: the network sees what was apart side by side.
 */
export type EmbeddingPooling = 'shared' | 'masked' | 'gathered';

export interface EmbeddingModel {
  readonly dimension: number;
  readonly pooling: EmbeddingPooling;
  /** [windows, speakers, dimension], lengths as the model makes them; NaN where there was too little for the graph. */
  embed(batch: EmbeddingBatch): Promise<Float32Array>;
  release(): Promise<void>;
}

export type EmbeddingContext = Pick<LoadContext, 'openSession' | 'derivedFolder' | 'log'>;

/** 3 s: enough to see that two graphs compute the same. */
const PROBE_FRAMES = 300;
/** Relative; kernels round differently (float16 in the third digit), another pooling is off by far more. */
const TOLERANCE = 1e-2;

/**
 * The graph takes float32 [B, T, 80], and masks [B, frames] if it has a second input; the names do not matter.
 * @throws Error where it is another.
 */
export async function openEmbeddingModel(context: EmbeddingContext, path: string): Promise<EmbeddingModel> {
  const session = await context.openSession(path);
  try {
    return await modelOf(session, context, path);
  } catch (error) {
    await session.release();
    throw error;
  }
}

/** Keeps `session` only where the graph has to run as exported. */
async function modelOf(session: OpenedSession, context: EmbeddingContext, path: string): Promise<EmbeddingModel> {
  const exported = exportedEmbedder(session);
  const features = probeFeatures();
  const mask = new Float32Array(exported.maskFrames).fill(1);
  // Another half would do as well; a graph without masks would see the halves of a gap side by side.
  if (exported.pooling === 'masked') mask.fill(0, exported.maskFrames >> 1);
  const expected = await exported.embedOne(features, mask);
  if (expected === undefined) throw new Error('The embedding graph makes no finite embedding');
  const dimension = expected.length;
  try {
    const shared = await openPooled(context, path);
    const batch = {
      windows: 1,
      features,
      featureFrames: PROBE_FRAMES,
      masks: mask,
      speakers: 1,
      maskFrames: mask.length,
    };
    const error = relativeError(await shared.embed(batch), expected);
    if (!(error < TOLERANCE)) {
      await shared.release();
      throw new Error(`Rewritten, the graph computes something else (by ${error.toPrecision(2)})`);
    }
    await session.release();
    return { dimension, pooling: 'shared', ...shared };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const { pooling } = exported;
    context.log('speaker embeddings run once a speaker, the graph could not be rewritten', { reason, pooling });
    const embed = (batch: EmbeddingBatch) => embedEach(exported.embedOne, dimension, batch);
    return { dimension, pooling, embed, release: () => session.release() };
  }
}

async function openPooled(
  { openSession, derivedFolder }: EmbeddingContext,
  path: string,
): Promise<Pick<EmbeddingModel, 'embed' | 'release'>> {
  const session: OpenedSession = await openSession(
    await derivePooledGraph({ path, file: readOnnxFile(path) }, derivedFolder),
  );
  return {
    async embed({ windows, features, featureFrames, masks, speakers, maskFrames }) {
      const outputs = await session.run({
        [POOLED.features]: session.tensor('float32', features, [windows, featureFrames, FEATURE_BINS]),
        [POOLED.masks]: session.tensor('float32', masks, [windows, speakers, maskFrames]),
      });
      return floatsOf(outputs[POOLED.embeddings]);
    },
    release: () => session.release(),
  };
}

async function embedEach(embedOne: OneEmbedder, dimension: number, batch: EmbeddingBatch): Promise<Float32Array> {
  const { windows, features, featureFrames, masks, speakers, maskFrames } = batch;
  const embeddings = new Float32Array(windows * speakers * dimension).fill(Number.NaN);
  for (let pair = 0; pair < windows * speakers; pair += 1) {
    const size = featureFrames * FEATURE_BINS;
    const from = Math.floor(pair / speakers) * size;
    const mask = masks.slice(pair * maskFrames, (pair + 1) * maskFrames);
    const embedding = await embedOne(features.slice(from, from + size), mask);
    if (embedding !== undefined) embeddings.set(embedding, pair * dimension);
  }
  return embeddings;
}

/** [300, 80]: of a plausible range, different in each frame and bin. */
function probeFeatures(): Float32Array {
  return Float32Array.from({ length: PROBE_FRAMES * FEATURE_BINS }, (_, i) => 2 * Math.sin(i * i * 0.37));
}

function relativeError(made: Float32Array, expected: Float32Array): number {
  if (made.length !== expected.length) return Number.POSITIVE_INFINITY;
  const distance = Math.hypot(...expected.map((value, i) => value - (made[i] as number)));
  return distance / Math.hypot(...expected);
}
