import type { TensorLike } from '../../audio/session.ts';
import type { Alignment } from './decoder.ts';
import type { WhisperLayout } from './layout.ts';

/** Picks heads of `cross_attentions.N` [1, heads, tokens, frames] → [picked heads, tokens, frames]. */
export function gatherAlignment(
  outputs: Record<string, TensorLike>,
  heads: WhisperLayout['alignmentHeads'],
): Alignment {
  const picked = heads.map(([layer, head]) => {
    const attention = outputs[`cross_attentions.${layer}`];
    if (attention === undefined) throw new Error(`The decoder graph has no output "cross_attentions.${layer}"`);
    const [, , tokens = 0, frames = 0] = attention.dims;
    const size = tokens * frames;
    return { tokens, frames, weights: attention.data.subarray(head * size, (head + 1) * size) };
  });
  const { tokens = 0, frames = 0 } = picked[0] ?? {};
  const data = new Float32Array(heads.length * tokens * frames);
  for (const [index, { weights }] of picked.entries()) {
    for (let at = 0; at < weights.length; at += 1) data[index * tokens * frames + at] = Number(weights[at]);
  }
  return { heads: heads.length, tokens, frames, data };
}
