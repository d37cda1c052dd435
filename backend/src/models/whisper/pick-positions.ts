import { intAttribute } from '../onnx-build.ts';
import type { OnnxFile } from '../onnx-file.ts';
import { standardNode } from '../standard-node.ts';
import { LOOP_INPUTS } from './loop-io.ts';

const PICKED = 'loop_picked';

/**
 * The prompt's graph with logits at two positions alone, [rows, 2, vocab]: the vocabulary's matrix is the largest. Where its
 * inputs are quantized together (MatMulInteger), their range would change with the positions left out: it stays as it is.
 */
export function pickPositions<G extends Pick<OnnxFile, 'nodes'>>(prefill: G): G {
  const last = prefill.nodes.find(({ outputs }) => outputs.includes('logits'));
  const [hidden, ...rest] = last?.inputs ?? [];
  if (last?.opType !== 'MatMul' || hidden === undefined) return prefill;
  const gather = standardNode('Gather', [hidden, LOOP_INPUTS.positions], PICKED, [intAttribute('axis', 1)]);
  const nodes = prefill.nodes.flatMap((node) =>
    node === last ? [gather, { ...last, inputs: [PICKED, ...rest] }] : [node],
  );
  return { ...prefill, nodes };
}
