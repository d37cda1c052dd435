/** Drawing a token by its probability, as a branch of a graph that greedy decoding never enters. */
import {
  ELEMENT,
  type GraphWriter,
  graphAttribute,
  graphMessage,
  graphWriter,
  nodeMessage,
  valueInfo,
} from '../onnx-build.ts';
import { DRAW_STEPS, ID_OFFSET, PRIME } from './token-noise.ts';

/** [rows, 1] */
export interface Chosen {
  /** int64 */
  token: string;
  /** float32 */
  logprob: string;
}

export interface Sampling {
  /** bool []: tokens are drawn. */
  on: string;
  /** float32 [1, 1], above 0. */
  temperature: string;
  /** float32 [rows, 1]: uniform in [0, 1]. */
  draw: string;
}

export interface Candidates {
  /** Stretches of the vocabulary, in order: scores [rows, size], and [rows | 1, 1] bool where none of them may come. */
  parts: readonly { scores: string; excluded: string | undefined }[];
  /** [rows, 1]: logarithm of the sum of the powers of the scores that may come. */
  logSum: string;
  greedy: Chosen;
}

const EXCLUDED = -1e30;

/** The greedy token, or where sampling is on the one with the largest sum of tempered score and noise. */
export function drawInGraph(writer: GraphWriter, sampling: Sampling, candidates: Candidates): Chosen {
  const name = candidates.greedy.token;
  const drawn = graphWriter(`${name}/drawn`);
  const { token, logprob } = draw(drawn, sampling, candidates);
  const kept = graphWriter(`${name}/kept`);
  const outputs = [`${name}/token`, `${name}/logprob`];
  const branch = (from: GraphWriter, chosen: Chosen) =>
    graphMessage({
      name: 'choice',
      nodes: from.nodes,
      initializers: from.initializers,
      inputs: [],
      outputs: [
        valueInfo(chosen.token, ELEMENT.int64, ['rows', 1]),
        valueInfo(chosen.logprob, ELEMENT.float32, ['rows', 1]),
      ],
    });
  const greedy = {
    token: kept.op('Identity', [candidates.greedy.token]),
    logprob: kept.op('Identity', [candidates.greedy.logprob]),
  };
  const attributes = [
    graphAttribute('then_branch', branch(drawn, { token, logprob })),
    graphAttribute('else_branch', branch(kept, greedy)),
  ];
  writer.nodes.push(
    nodeMessage({ opType: 'If', domain: '', name: `${name}/if`, inputs: [sampling.on], outputs, attributes }),
  );
  return { token: outputs[0] ?? '', logprob: outputs[1] ?? '' };
}

function draw(writer: GraphWriter, sampling: Sampling, { parts, logSum }: Candidates): Chosen {
  const { op, float32 } = writer;
  const scores = op(
    'Concat',
    parts.map(({ scores, excluded }) =>
      excluded === undefined ? scores : op('Where', [excluded, float32(EXCLUDED), scores]),
    ),
    { axis: 1 },
  );
  const tempered = op('Div', [asFloat64(writer, scores), asFloat64(writer, sampling.temperature)]);
  const sums = op('Add', [tempered, noiseInGraph(writer, sampling.draw, scores)]);
  const token = op('ArgMax', [op('Cast', [sums], { to: ELEMENT.float32 })], { axis: 1, keepdims: 1 });
  return { token, logprob: op('Sub', [op('GatherElements', [scores, token], { axis: 1 }), logSum]) };
}

/** `tokenNoise` of every token: `draw` [rows, 1] float32, `scores` [rows, vocab] → [rows, vocab] float64 */
function noiseInGraph(writer: GraphWriter, draw: string, scores: string): string {
  const { op, int64, float64 } = writer;
  const residue = (value: string) => {
    const quotient = op('Floor', [op('Div', [value, float64(PRIME)])]);
    return op('Sub', [value, op('Mul', [quotient, float64(PRIME)])]);
  };
  const mixed = (value: string, more: string) => residue(op('Add', [op('Mul', [value, value]), more]));
  const steps = op('Floor', [op('Mul', [asFloat64(writer, draw), float64(DRAW_STEPS)])]);
  const key = op('Add', [op('Mul', [steps, float64(2)]), float64(1)]);
  const vocab = op('Gather', [op('Shape', [scores]), int64([1])]);
  const ids = op('Range', [int64([ID_OFFSET]), op('Add', [vocab, int64([ID_OFFSET])]), int64([1])]);
  const id = op('Unsqueeze', [asFloat64(writer, ids), int64([0], [1])]);
  const number = mixed(mixed(residue(op('Mul', [key, id])), key), id);
  const share = op('Div', [op('Add', [number, float64(0.5)]), float64(PRIME)]);
  return op('Neg', [op('Log', [op('Neg', [op('Log', [share])])])]);
}

function asFloat64({ op }: GraphWriter, value: string): string {
  return op('Cast', [value], { to: ELEMENT.float64 });
}
