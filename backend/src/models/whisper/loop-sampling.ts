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
import { DRAW_STEPS, GROUP, ID_OFFSET, PRIME } from './token-noise.ts';

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

/** The greedy token, or where sampling is on a drawn one of the `vocab`. */
export function drawInGraph(writer: GraphWriter, vocab: number, sampling: Sampling, candidates: Candidates): Chosen {
  const name = candidates.greedy.token;
  const drawn = graphWriter(`${name}/drawn`);
  const { token, logprob } = draw(drawn, vocab, sampling, candidates);
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

/** As `token-noise.ts` says. */
function draw(writer: GraphWriter, vocab: number, sampling: Sampling, { parts, logSum, greedy }: Candidates): Chosen {
  const { op, int64, float32 } = writer;
  const groups = Math.ceil(vocab / GROUP);
  const rows = op('Shape', [logSum]);
  const missing = op('Mul', [rows, int64([1, groups * GROUP - vocab], [2])]);
  const scores = op(
    'Concat',
    [
      ...parts.map(({ scores, excluded }) =>
        excluded === undefined ? scores : op('Where', [excluded, float32(EXCLUDED), scores]),
      ),
      op('Expand', [float32(EXCLUDED), missing]),
    ],
    { axis: 1 },
  );
  const byGroup = op('Reshape', [scores, int64([-1, groups, GROUP], [3])]);
  const top = op('Unsqueeze', [op('Add', [greedy.logprob, logSum]), int64([2], [1])]);
  const weights = op('Exp', [op('Div', [op('Sub', [byGroup, top]), sampling.temperature])]);
  const sums = op('ReduceSum', [weights, int64([2], [1])], { keepdims: 0 });
  const group = largestWithNoise(writer, sampling.draw, op('Log', [sums]), counted(writer, groups));
  const members = op('Add', [op('Mul', [group, int64([GROUP])]), counted(writer, GROUP)]);
  const memberScores = op('GatherElements', [scores, members], { axis: 1 });
  const tempered = op('Div', [asFloat64(writer, memberScores), asFloat64(writer, sampling.temperature)]);
  const at = largestWithNoise(writer, sampling.draw, tempered, op('Add', [members, int64([groups])]));
  const ofMember = (values: string) => op('GatherElements', [values, at], { axis: 1 });
  return { token: ofMember(members), logprob: op('Sub', [ofMember(memberScores), logSum]) };
}

/** int64 [1, n]: 0, 1, … */
function counted({ int64 }: GraphWriter, n: number): string {
  return int64([...Array(n).keys()], [1, n]);
}

/** `values` [rows, n], their numbers [rows | 1, n] → index of the row's largest with its noise [rows, 1] */
function largestWithNoise(writer: GraphWriter, draw: string, values: string, numbers: string): string {
  const { op } = writer;
  const sums = op('Add', [asFloat64(writer, values), noiseInGraph(writer, draw, numbers)]);
  return op('ArgMax', [op('Cast', [sums], { to: ELEMENT.float32 })], { axis: 1, keepdims: 1 });
}

/** `choiceNoise`: `draw` [rows, 1] float32, `numbers` [rows | 1, n] int64 → [rows, n] float64 */
function noiseInGraph(writer: GraphWriter, draw: string, numbers: string): string {
  const { op, int64, float64 } = writer;
  const residue = (value: string) => {
    const quotient = op('Floor', [op('Div', [value, float64(PRIME)])]);
    return op('Sub', [value, op('Mul', [quotient, float64(PRIME)])]);
  };
  const mixed = (value: string, more: string) => residue(op('Add', [op('Mul', [value, value]), more]));
  const steps = op('Floor', [op('Mul', [asFloat64(writer, draw), float64(DRAW_STEPS)])]);
  const key = op('Add', [op('Mul', [steps, float64(2)]), float64(1)]);
  const id = asFloat64(writer, op('Add', [numbers, int64([ID_OFFSET])]));
  const number = mixed(mixed(residue(op('Mul', [key, id])), key), id);
  const share = op('Div', [op('Add', [number, float64(0.5)]), float64(PRIME)]);
  return op('Neg', [op('Log', [op('Neg', [op('Log', [share])])])]);
}

function asFloat64({ op }: GraphWriter, value: string): string {
  return op('Cast', [value], { to: ELEMENT.float64 });
}
