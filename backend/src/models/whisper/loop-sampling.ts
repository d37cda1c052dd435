/** Drawing a token by its probability, as a branch of a graph that greedy decoding never enters. */
import {
  ELEMENT,
  type GraphWriter,
  graphAttribute,
  graphMessage,
  graphWriter,
  nodeMessage,
  valueInfo,
} from './onnx-build.ts';

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
  /** float32 [rows, 1]: uniform in [0, 1). */
  draw: string;
}

export interface Candidates {
  /** Stretches of the vocabulary, in order: scores [rows, size], and [rows | 1, 1] bool where none of them may come. */
  parts: readonly { scores: string; excluded: string | undefined }[];
  /** [rows, 1]: of the scores that may come, the largest, and the logarithm of the sum of all powers. */
  largest: string;
  logSum: string;
  greedy: Chosen;
}

/** In float32 the running sum of 50,000 probabilities may end a little early: no draw is beyond it. */
const ALMOST_ONE = 1 - 1e-6;
const EXCLUDED = -1e30;

/** The greedy token, or where sampling is on the first one at which the probabilities' running sum exceeds the draw. */
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

function draw(writer: GraphWriter, sampling: Sampling, { parts, largest, logSum }: Candidates): Chosen {
  const { op, int64, float32 } = writer;
  const scores = op(
    'Concat',
    parts.map(({ scores, excluded }) =>
      excluded === undefined ? scores : op('Where', [excluded, float32(EXCLUDED), scores]),
    ),
    { axis: 1 },
  );
  const powers = op('Exp', [op('Div', [op('Sub', [scores, largest]), sampling.temperature])]);
  const sums = op('CumSum', [powers, int64([1])]);
  const whole = op('Gather', [sums, int64([-1], [1])], { axis: 1 });
  const limit = op('Mul', [op('Mul', [whole, sampling.draw]), float32(ALMOST_ONE)]);
  const below = op('Cast', [op('LessOrEqual', [sums, limit])], { to: ELEMENT.float32 });
  const count = op('ReduceSum', [below, int64([1], [1])], { keepdims: 1 });
  const token = op('Cast', [count], { to: ELEMENT.int64 });
  return { token, logprob: op('Sub', [op('GatherElements', [scores, token], { axis: 1 }), logSum]) };
}
