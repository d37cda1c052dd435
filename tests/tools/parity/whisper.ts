/**
 * Whisper's decoders against the PyTorch reference, on the tiny seeded models: every decoder, batches of 1, 3 and 8.
 * And against transformers.js without timestamps, where it is installed (tests/rivals).
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readWhisperReference, type WhisperReference } from '../../fixtures/whisper/reference.ts';
import { findTransformersJs, HOW_TO_INSTALL } from '../../rivals/transformers-js.ts';
import type { WhisperKind } from '../../support/seeded-weights.ts';
import type { BenchReport } from '../report.ts';
import { DECODERS, openTinyWhisper, type TinyWhisper } from './tiny-whisper.ts';
import { comparableCases, expecting, type RivalTokens } from './transformers-js-whisper.ts';
import { type Comparison, compareCases, compareLanguages } from './whisper-cases.ts';

const BATCHES = [1, 3, 8];
/** Natural logarithms of probabilities, float32 against float32 of another library. */
const LARGEST_ERROR = 1e-4;

interface Outcome extends Comparison {
  name: string;
  languagesEqual: boolean;
}

export async function run(): Promise<BenchReport> {
  const reference = await readWhisperReference();
  const rival = await askTransformersJs();
  const root = await mkdtemp(join(tmpdir(), 'whisper-parity-'));
  const outcomes: Outcome[] = [];
  const rivalDifferent: string[] = [];
  try {
    for (const kind of Object.keys(reference.kinds) as WhisperKind[]) {
      const model = await openTinyWhisper(kind, root);
      outcomes.push(...(await compareModel(model, reference)));
      if (rival !== undefined) rivalDifferent.push(...(await compareRival(model, reference, rival)));
      await model.release();
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  const result = report(outcomes, { cases: reference.cases.length, dropped: reference.dropped.length });
  if (rival === undefined) {
    result.figures['transformers.js'] = 'ABSENT: NOT COMPARED';
  } else {
    const cases = comparableCases(reference.cases).length;
    const different = new Set(rivalDifferent);
    const equal = `${cases - different.size} of ${cases} equal ${[...different].slice(0, 3).join(' ')}`;
    result.figures[`transformers.js ${rival.version}, cases without timestamps`] = equal.trim();
    result.pass &&= different.size === 0;
  }
  return result;
}

interface Rival {
  version: string;
  tokens: RivalTokens;
}

/** In a process of its own, as it brings another ONNX Runtime. */
async function askTransformersJs(): Promise<Rival | undefined> {
  const installed = findTransformersJs(process.env.TRANSFORMERS_JS);
  if (installed === undefined) {
    console.error(`NOT COMPARED with transformers.js: ${HOW_TO_INSTALL}`);
    return undefined;
  }
  const child = fork(join(import.meta.dirname, 'transformers-js-child.ts'), [installed.entry]);
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`transformers.js ended with exit status ${code}`);
  });
  const [tokens] = await Promise.race([once(child, 'message'), ended]);
  return { version: installed.version, tokens };
}

async function compareModel(model: TinyWhisper, { cases, maxNewTokens }: WhisperReference): Promise<Outcome[]> {
  const own = cases.filter(({ kind }) => kind === model.kind);
  const outcomes: Outcome[] = [];
  for (const [sort, open] of Object.entries(DECODERS)) {
    const decoder = await open(model);
    for (const batch of BATCHES) {
      const comparison = await compareCases(model, decoder, own, { batch, maxNewTokens });
      const languages = await compareLanguages(model, decoder, own, batch);
      const languagesEqual = languages.equal === languages.cases && languages.error <= LARGEST_ERROR;
      outcomes.push({ ...comparison, languagesEqual, name: `${model.kind} ${sort} ${batch}` });
    }
    await decoder.release();
  }
  return outcomes;
}

/** Ids of the cases in which one of our decoders writes other tokens. */
async function compareRival(model: TinyWhisper, reference: WhisperReference, { tokens }: Rival): Promise<string[]> {
  const cases = expecting(tokens, reference).filter(({ kind }) => kind === model.kind);
  const different: string[] = [];
  for (const open of Object.values(DECODERS)) {
    const decoder = await open(model);
    const made = await compareCases(model, decoder, cases, { batch: 8, maxNewTokens: reference.maxNewTokens });
    different.push(...made.different);
    await decoder.release();
  }
  return different;
}

/** A case is equal when every decoder wrote it, at every batch size. */
function report(outcomes: readonly Outcome[], { cases, dropped }: { cases: number; dropped: number }): BenchReport {
  const sum = (count: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + count(outcome), 0);
  const largest = Math.max(...outcomes.map(({ logprobError, noSpeechError }) => Math.max(logprobError, noSpeechError)));
  const decoded = sum((outcome) => outcome.cases);
  const different = new Set(outcomes.flatMap((outcome) => outcome.different));
  return {
    name: 'parity whisper',
    pass: different.size === 0 && largest <= LARGEST_ERROR && outcomes.every(({ languagesEqual }) => languagesEqual),
    figures: {
      cases,
      equal: cases - different.size,
      dropped,
      decoded,
      largestError: largest.toExponential(1),
    },
    table: [
      ['model, decoder, batch', 'cases', 'equal', 'log-probability', 'no speech', 'languages', 'different'],
      ...outcomes.map(({ name, logprobError, noSpeechError, languagesEqual, ...counts }) => [
        name,
        `${counts.cases}`,
        `${counts.equal}`,
        logprobError.toExponential(1),
        noSpeechError.toExponential(1),
        languagesEqual ? 'equal' : 'DIFFER',
        counts.different.slice(0, 3).join(' '),
      ]),
    ],
  };
}
