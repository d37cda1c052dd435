/** A few tokens by the loop in the graph and by the loop outside, which must be the same. */
import { join } from 'node:path';
import type { OpenedSession } from '../../../backend/src/audio/session.ts';
import type { DecodedRow, WhisperDecoder } from '../../../backend/src/models/whisper/decoder.ts';
import type { WhisperLayout } from '../../../backend/src/models/whisper/layout.ts';
import { createLoopDecoder } from '../../../backend/src/models/whisper/loop-decoder.ts';
import { buildPrompt } from '../../../backend/src/models/whisper/prompt.ts';
import { createStepDecoder } from '../../../backend/src/models/whisper/step-decoder.ts';
import { seededFeatures, seededUniform } from '../../support/seeded-weights.ts';
import { type Precision, shapeGraphs, shapeLayout } from './shape-model.ts';
import { openGraph } from './tiny-whisper.ts';

const FRAMES = 1500;
const TOKENS = 12;
/** Keys and values grow with each token. */
const GROWING = { plansMemory: false };

export interface Decoded {
  tokens: number;
  equal: boolean;
  /** Largest difference of the tokens' log-probabilities. */
  logprobError: number;
  /** To open the loop's graph, and to decode with it. */
  openSeconds: number;
  loopSeconds: number;
}

/** The graphs are opened one decoder after the other: both together may be more than memory holds. */
export async function compareDecoders(model: string, precision: Precision, loopGraph: string): Promise<Decoded> {
  const { prefill, step } = shapeGraphs(model, precision);
  const layout = await shapeLayout(model, prefill);
  const began = performance.now();
  const session = await openGraph(loopGraph, GROWING);
  const opened = performance.now();
  const loop = await decode(createLoopDecoder(session, layout), layout);
  const ended = performance.now();
  const sessions: Record<'prefill' | 'step', OpenedSession> = {
    prefill: await openGraph(prefill.path, GROWING),
    step: await openGraph(step.path, GROWING),
  };
  const steps = await decode(createStepDecoder(sessions, layout), layout);
  const written = loop.flatMap(({ tokens }) => tokens);
  const errors = loop.flatMap(({ logprobs }, row) =>
    logprobs.map((logprob, at) => Math.abs(logprob - (steps[row]?.logprobs[at] ?? Number.NaN))),
  );
  return {
    tokens: written.length,
    equal: written.length === 2 * TOKENS && written.join() === steps.flatMap(({ tokens }) => tokens).join(),
    logprobError: Math.max(...errors),
    openSeconds: (opened - began) / 1000,
    loopSeconds: (ended - opened) / 1000,
  };
}

/** Two rows of a made-up encoding; the end token is forbidden, so that all tokens come. */
async function decode(decoder: WhisperDecoder, layout: WhisperLayout): Promise<DecodedRow[]> {
  const rows = ['a', 'b'].map((seed) => Float32Array.from(seededUniform(seed, FRAMES * layout.dModel)));
  const prompt = buildPrompt(layout, { language: 'en', task: 'transcribe', timestamps: false });
  try {
    return await decoder.decode({
      rows,
      prompts: rows.map(() => prompt),
      timestamps: false,
      maxNewTokens: TOKENS,
      temperature: 0,
      suppress: [...layout.suppress, layout.tokens.eot],
      signal: new AbortController().signal,
    });
  } finally {
    await decoder.release();
  }
}

/** Seconds to encode one window. @throws where the encoding is no number. */
export async function tryEncoder(model: string, bins: number): Promise<number> {
  const encoder = await openGraph(join(model, 'onnx/encoder_model.onnx'));
  const features = seededFeatures('window', bins, 1000);
  const began = performance.now();
  const { last_hidden_state: hidden } = await encoder.run({
    input_features: encoder.tensor('float32', features, [1, bins, 3000]),
  });
  const seconds = (performance.now() - began) / 1000;
  const allNumbers = hidden?.data.every((value: number | bigint) => Number.isFinite(Number(value)));
  await encoder.release();
  if (allNumbers !== true) throw new Error('The encoding holds what is no number');
  return seconds;
}
