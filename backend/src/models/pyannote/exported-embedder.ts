/** Speaker embedding graphs as they were exported: one window and one speaker at a time. */
import type { OpenedSession, TensorLike } from '../../audio/session.ts';
import { FEATURE_BINS } from './feature-windows.ts';

/** `features` [T, 80], `mask` [frames] → [dimension]; undefined where the graph would make nothing finite of so little. */
export type OneEmbedder = (features: Float32Array, mask: Float32Array) => Promise<Float32Array | undefined>;

export interface ExportedEmbedder {
  pooling: 'masked' | 'gathered';
  /** What masks have to have. */
  maskFrames: number;
  embedOne: OneEmbedder;
}

/** Of a 10 s window of the segmentation: for graphs that leave it open, or take no mask. */
const MASK_FRAMES = 589;
/** Mask frames below which the exported variance is 0/0: it has no 1e-8, and the network makes one frame of nearly five. */
const MIN_MASK_FRAMES = 10;
/** Feature frames below which the network has nothing left to pool. */
const MIN_FEATURE_FRAMES = 25;

/** @throws Error where the graph does not take [B, T, 80] and, if anything, [B, frames]. */
export function exportedEmbedder(session: OpenedSession): ExportedEmbedder {
  const features = session.inputs.find(({ shape }) => shape.length === 3);
  const masks = session.inputs.find(({ shape }) => shape.length === 2);
  const output = session.outputs[0];
  const inputs = session.inputs.length;
  if (features?.type !== 'float32' || output === undefined || inputs !== (masks === undefined ? 1 : 2)) {
    const found = session.inputs.map(({ name, type, shape }) => `${name} ${type} [${shape.join()}]`).join(', ');
    throw new Error(
      `The embedding graph takes ${found}, not float32 [B, T, ${FEATURE_BINS}] and perhaps masks [B, frames]`,
    );
  }

  async function run(pcmFeatures: Float32Array, mask?: { name: string; data: Float32Array }) {
    const dims = [1, pcmFeatures.length / FEATURE_BINS, FEATURE_BINS];
    const feeds: Record<string, TensorLike> = { [features?.name ?? '']: session.tensor('float32', pcmFeatures, dims) };
    if (mask !== undefined) feeds[mask.name] = session.tensor('float32', mask.data, [1, mask.data.length]);
    const embedding = floatsOf((await session.run(feeds))[output?.name ?? '']);
    return embedding.every(Number.isFinite) ? embedding : undefined;
  }

  if (masks === undefined) {
    const embedOne: OneEmbedder = async (all, mask) => {
      const gathered = gatherFrames(all, mask);
      return gathered.length < MIN_FEATURE_FRAMES * FEATURE_BINS ? undefined : run(gathered);
    };
    return { pooling: 'gathered', maskFrames: MASK_FRAMES, embedOne };
  }
  const { name, shape } = masks;
  const embedOne: OneEmbedder = async (all, mask) => {
    const spoken = mask.reduce((sum, weight) => sum + weight, 0);
    return spoken < MIN_MASK_FRAMES ? undefined : run(all, { name, data: mask });
  };
  return { pooling: 'masked', maskFrames: typeof shape[1] === 'number' ? shape[1] : MASK_FRAMES, embedOne };
}

/** @throws Error where there is none. */
export function floatsOf(tensor: TensorLike | undefined): Float32Array {
  if (tensor?.type !== 'float32') throw new Error('The embedding graph makes no float32 embeddings');
  return tensor.data as Float32Array;
}

/** The feature frames [T, 80] whose mask frame is set, one behind the other. */
function gatherFrames(features: Float32Array, mask: Float32Array): Float32Array {
  const frames = features.length / FEATURE_BINS;
  const gathered = new Float32Array(features.length);
  let count = 0;
  for (let frame = 0; frame < frames; frame += 1) {
    if ((mask[Math.floor((frame * mask.length) / frames)] as number) < 0.5) continue;
    gathered.set(features.subarray(frame * FEATURE_BINS, (frame + 1) * FEATURE_BINS), count * FEATURE_BINS);
    count += 1;
  }
  return gathered.slice(0, count * FEATURE_BINS);
}
