/** A Whisper whose decoder is a script: what it writes follows from the loudness in the middle of a window. */
import type { LogMel } from '../../../backend/src/audio/log-mel.ts';
import type { OpenedSession } from '../../../backend/src/audio/session.ts';
import type { DecodedRow } from '../../../backend/src/models/whisper/decoder.ts';
import type { PromptRequest } from '../../../backend/src/models/whisper/prompt.ts';
import type { WhisperModel } from '../../../backend/src/models/whisper/request.ts';
import { createScheduler } from '../../../backend/src/models/whisper/scheduler.ts';
import { type WindowModel, windowJobs } from '../../../backend/src/models/whisper/window-jobs.ts';
import { letters, levelVad } from './support.ts';

export interface Decoding {
  /** The window's PCM at its middle. */
  level: number;
  prompt: readonly number[];
  temperature: number;
  beamSize: number;
  /** Of the row's draws. */
  seed: number | undefined;
}

export interface FakeWhisper extends WhisperModel {
  /** Sizes of the batches decoded so far. */
  batches: number[];
  decodings: Decoding[];
  detections: number;
  encodings: number;
}

export interface FakeOptions {
  write(decoding: Decoding, number: number): Partial<DecodedRow> & { tokens: number[] };
  maxBatch?: number;
  /** For how long a window waits for company. Default: only for what is submitted in the same turn. */
  maxWaitMs?: number;
  /** Rows that fit into its memory. */
  room?: number;
  onlyLanguage?: string;
  languageOf?(level: number): string;
  /** Default: a window's middle sample is the probability of speech. */
  vad?: OpenedSession;
}

export const LANGUAGE_TOKEN = 997;
export const TASK_TOKENS: Record<PromptRequest['task'], number> = { transcribe: 995, translate: 996 };

export function fakeWhisper({
  write,
  maxBatch = 4,
  maxWaitMs = 0,
  room = Number.POSITIVE_INFINITY,
  onlyLanguage,
  languageOf = () => 'de',
  vad = levelVad,
}: FakeOptions): FakeWhisper {
  const mel: LogMel = { bins: 1, extract: (pcm) => Float32Array.of(pcm[pcm.length >> 1] ?? 0) };
  const decoder: WindowModel['decoder'] = {
    async decode({ rows, prompts, temperature, beamSize = 1, seeds }) {
      model.batches.push(rows.length);
      if (rows.length > room) throw new Error('std::bad_alloc');
      return rows.map((row, i) => {
        const decoding = { level: row[0] ?? 0, prompt: prompts[i] ?? [], temperature, beamSize, seed: seeds?.[i] };
        model.decodings.push(decoding);
        const written = write(decoding, model.decodings.length - 1);
        const logprobs = written.tokens.map(() => -0.1);
        return { logprobs, avgLogprob: -0.1, noSpeechProb: 0, finished: 'eot', ...written };
      });
    },
    async detectLanguage(rows) {
      model.detections += rows.length;
      return rows.map((row) => [
        { code: 'zz', probability: 0.1 },
        { code: languageOf(row[0] ?? 0), probability: 0.8 },
        { code: 'nn', probability: 0.02 },
      ]);
    },
    async alignments(_row, tokens) {
      // Each token half a second behind the one before.
      const data = new Float32Array(tokens.length * 1500);
      for (const [i] of tokens.entries()) data.fill(1, i * 1500 + 25 * i, i * 1500 + 25 * (i + 1));
      return { heads: 1, tokens: tokens.length, frames: 1500, data: data.map((weight) => weight + 0.01) };
    },
  };
  const encode = async (features: Float32Array): Promise<Float32Array> => {
    model.encodings += 1;
    return features.slice();
  };
  const model: FakeWhisper = {
    tokenizer: letters,
    scheduler: createScheduler({ maxBatch, maxWaitMs, ...windowJobs({ mel, encode, decoder }) }),
    vad,
    onlyLanguage,
    prompt: ({ task, keywords = [], previous = [] }) => [...keywords, ...previous, LANGUAGE_TOKEN, TASK_TOKENS[task]],
    batches: [],
    decodings: [],
    detections: 0,
    encodings: 0,
  };
  return model;
}
