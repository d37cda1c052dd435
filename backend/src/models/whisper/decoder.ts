/** What a Whisper decoder does, whether its loop runs inside the graph or outside. */

export interface DecodeRequest {
  /** Encodings, each [frames, d]. */
  rows: readonly Float32Array[];
  /** One per row; they may differ in length. */
  prompts: readonly (readonly number[])[];
  /** The timestamp rules hold; the prompts then lack `<|notimestamps|>`. */
  timestamps: boolean;
  /** Tokens written per row at most, the end token included; the text context may set an end before. */
  maxNewTokens: number;
  /** 0 is greedy; above, tokens are drawn. */
  temperature: number;
  /** Each row's, of the random numbers that its tokens are drawn with: the same text in whatever batch. Default 0. */
  seeds?: readonly number[];
  /** Instead of the model's own lists. */
  suppress?: readonly number[];
  beginSuppress?: readonly number[];
  /** Looked at between runs of a graph: the decoding of a batch, or a step of it. */
  signal: AbortSignal;
}

export interface DecodedRow {
  /** Without prompt and end token. */
  tokens: number[];
  /** Natural logarithms of the tokens' probabilities after the rules, at temperature 1. */
  logprobs: number[];
  /** Sum over the tokens and the end token, divided by the tokens' count plus one (openai/whisper). */
  avgLogprob: number;
  /** Probability of `<|nospeech|>` at `<|startoftranscript|>`. */
  noSpeechProb: number;
  finished: 'eot' | 'length';
}

export interface LanguageProbability {
  code: string;
  probability: number;
}

/** Attention probabilities, row-major [heads, tokens, frames], in the order of the layout's alignment heads. */
export interface Alignment {
  heads: number;
  tokens: number;
  frames: number;
  data: Float32Array;
}

export interface WhisperDecoder {
  decode(request: DecodeRequest): Promise<DecodedRow[]>;
  /** Probabilities among the languages after `<|startoftranscript|>`; empty where the model knows English alone. */
  detectLanguage(rows: readonly Float32Array[]): Promise<LanguageProbability[][]>;
  /** The alignment heads' attention over all of `tokens`, fed at once. @throws Error where the graph gives none. */
  alignments(row: Float32Array, tokens: readonly number[]): Promise<Alignment>;
  release(): Promise<void>;
}

/** Rows of equal prompt length, decoded together: the graphs know no padding. */
export function groupByPromptLength(prompts: readonly (readonly number[])[]): number[][] {
  const groups = Map.groupBy(prompts.keys(), (row) => prompts[row]?.length ?? 0);
  return [...groups.values()];
}

/** How many tokens may follow a prompt: the last one is never fed, so it needs no position. */
export function roomForTokens(textContext: number, promptLength: number, maxNewTokens: number): number {
  return Math.max(1, Math.min(maxNewTokens, textContext + 1 - promptLength));
}

/** `tokens` and `logprobs` up to the end token, if there is one, and the end token's. */
export function finishRow(
  written: readonly number[],
  logprobs: readonly number[],
  eot: number,
  noSpeechProb: number,
): DecodedRow {
  const end = written.indexOf(eot);
  const count = end === -1 ? written.length : end;
  const sum = logprobs.slice(0, count + 1).reduce((total, logprob) => total + logprob, 0);
  return {
    tokens: written.slice(0, count),
    logprobs: logprobs.slice(0, count),
    avgLogprob: sum / (count + 1),
    noSpeechProb,
    finished: end === -1 ? 'length' : 'eot',
  };
}

/** Row-major [rows, length] of equally long rows. */
export function stackRows(rows: readonly Float32Array[]): Float32Array {
  const [first] = rows;
  if (rows.length === 1 && first !== undefined) return first;
  const length = first?.length ?? 0;
  const stacked = new Float32Array(rows.length * length);
  for (const [index, row] of rows.entries()) stacked.set(row, index * length);
  return stacked;
}

/** Softmax over some of the logits. */
export function probabilitiesOf(logits: Float32Array, ids: Iterable<number>): number[] {
  const scores = Array.from(ids, (id) => logits[id] ?? Number.NEGATIVE_INFINITY);
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Probability of one token among all. */
export function probabilityOf(logits: Float32Array, id: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > top) top = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - top);
  return Math.exp((logits[id] ?? Number.NEGATIVE_INFINITY) - top) / sum;
}
