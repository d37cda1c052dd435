/** PCM in, transcript out, piece by piece: the streaming core that the pipeline and the benchmark share. */
import { type Filterbank, LHOTSE_FILTERBANK } from '../../audio/features.ts';
import type { OpenedSession } from '../../audio/session.ts';
import { createSpeechDetector, type SpeechDetector, VAD_WINDOW_SECONDS, type VadParams } from '../../audio/vad.ts';
import type { TranscriptionResult } from '../../contract/transcription.ts';
import type { EncoderStream, StreamingEncoder } from './encoder.ts';
import type { GreedySearch, SearchStream } from './greedy-search.ts';
import { buildSegments, timeWords } from './segments.ts';
import { createSpeechGate, type SpeechGate } from './speech-gate.ts';
import type { Vocabulary } from './tokens.ts';
import { createWordBuilder, type WordBuilder } from './words.ts';

const SAMPLE_RATE = 16_000;
/** Seconds between two feature frames. */
const FRAME_SHIFT = LHOTSE_FILTERBANK.frameShift / SAMPLE_RATE;
/** Samples taken from a PCM chunk at a time (0.32 s): bounds how long other requests and a cancel have to wait. */
const PIECE = 5120;
/**
 * Silence put in front of the audio: the encoder's caches start out as zeros, which is no sound it was trained on, and
 * a word at the very beginning gets lost otherwise ("at" of speechbrain-spk1-snt3; word errors 6 → 2 of 62).
 */
const LEAD_SECONDS = 0.1;
/** Silence appended to the audio, so that the last words leave the encoder (0.3–0.66 s in sherpa-onnx's examples). */
const TAIL_SECONDS = 0.4;

export interface TransducerModel {
  /** With `LHOTSE_FILTERBANK`'s frame shift. */
  filterbank: Filterbank;
  encoder: StreamingEncoder;
  search: GreedySearch;
  vocabulary: Vocabulary;
  language: string;
}

export interface TranscribeOptions {
  /** Without it everything is taken for speech. */
  vad?: { session: OpenedSession; params?: VadParams };
  signal?: AbortSignal;
  onDelta?: (delta: string) => void;
}

/** `chunks` are 16 kHz mono PCM in [−1, 1] of any length. Rejects with the signal's reason when it aborts. */
export async function transcribePcm(
  model: TransducerModel,
  chunks: AsyncIterable<Float32Array> | Iterable<Float32Array>,
  options: TranscribeOptions = {},
): Promise<TranscriptionResult> {
  const { signal, onDelta } = options;
  const features = model.filterbank.stream();
  const encoder = model.encoder.stream();
  const detector = options.vad && createSpeechDetector(options.vad.session, options.vad.params);
  const words = createWordBuilder(model.vocabulary);
  const frames = createFrameQueue(model.search.stream(), detector && createSpeechGate(detector), words, onDelta);
  const toEncoder = (frame: Float32Array): void => encoder.accept(frame);
  features.accept(new Float32Array(LEAD_SECONDS * SAMPLE_RATE), toEncoder);
  let samples = 0;

  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      signal?.throwIfAborted();
      const piece = chunk.subarray(at, at + PIECE);
      samples += piece.length;
      features.accept(piece, toEncoder);
      await detector?.accept(piece);
      await encodeReady(encoder, model.encoder, frames);
      await frames.search(undefined);
    }
  }
  signal?.throwIfAborted();
  await detector?.finish();
  if (samples > 0) {
    features.accept(tailSilence(samples, model.encoder), toEncoder);
    features.finish(toEncoder);
    await encodeReady(encoder, model.encoder, frames);
    await frames.search(false);
  }

  const duration = samples / SAMPLE_RATE;
  const timed = timeWords(words.words, duration);
  const segments = buildSegments(timed, (start, end) => meanProbability(detector, start, end));
  return {
    text: segments
      .map((segment) => segment.text)
      .join('')
      .trim(),
    language: model.language,
    duration,
    segments,
    words: timed.map(({ word, start, end }) => ({ word, start, end })),
  };
}

/** Enough silence for the tail, and for the encoder's last window to be whole. */
function tailSilence(samples: number, { layout }: StreamingEncoder): Float32Array {
  const { window, step } = layout;
  const heard = LEAD_SECONDS * SAMPLE_RATE + samples;
  const wanted = Math.ceil((heard / SAMPLE_RATE + TAIL_SECONDS) / FRAME_SHIFT);
  const runs = Math.max(1, Math.ceil((wanted - window) / step) + 1);
  const framesNeeded = window + (runs - 1) * step;
  return new Float32Array(framesNeeded * LHOTSE_FILTERBANK.frameShift - heard);
}

async function encodeReady(encoder: EncoderStream, { layout }: StreamingEncoder, frames: FrameQueue): Promise<void> {
  while (encoder.ready) {
    const { frames: count, dim, data } = await encoder.run();
    frames.accept(data, count, dim, (layout.step * FRAME_SHIFT) / count);
  }
}

interface FrameQueue {
  /** `data` [count, dim], each of these frames `seconds` long. */
  accept(data: Float32Array, count: number, dim: number, seconds: number): void;
  /** Decodes what the gate lets through; frames it cannot judge yet wait, unless `unsettled` judges them. */
  search(unsettled: boolean | undefined): Promise<void>;
}

/** Encoder frames on their way to the search. */
function createFrameQueue(
  search: SearchStream,
  gate: SpeechGate | undefined,
  words: WordBuilder,
  onDelta: ((delta: string) => void) | undefined,
): FrameQueue {
  const waiting: { data: Float32Array; time: number }[] = [];
  let time = -LEAD_SECONDS;

  return {
    accept(data, count, dim, seconds) {
      for (let i = 0; i < count; i += 1) {
        waiting.push({ data: data.subarray(i * dim, (i + 1) * dim), time });
        time += seconds;
      }
    },
    async search(unsettled) {
      const open: typeof waiting = [];
      let taken = 0;
      for (const frame of waiting) {
        const speech = gate === undefined ? true : (gate(frame.time) ?? unsettled);
        if (speech === undefined) break;
        if (speech) open.push(frame);
        taken += 1;
      }
      waiting.splice(0, taken);
      if (open.length === 0) return;
      const dim = open[0]?.data.length ?? 0;
      // [open frames, dim]
      const rows = new Float32Array(open.length * dim);
      for (const [i, frame] of open.entries()) rows.set(frame.data, i * dim);
      let delta = '';
      for (const { id, frame, logprob } of await search.accept(rows, open.length)) {
        delta += words.accept({ id, logprob, time: open[frame]?.time ?? 0 });
      }
      if (delta !== '') onDelta?.(delta);
    },
  };
}

function meanProbability(detector: SpeechDetector | undefined, start: number, end: number): number | undefined {
  const first = Math.floor(start / VAD_WINDOW_SECONDS);
  const last = Math.max(first + 1, Math.ceil(end / VAD_WINDOW_SECONDS));
  const span = detector?.probabilities.slice(first, last) ?? [];
  if (span.length === 0) return undefined;
  return span.reduce((sum, probability) => sum + probability, 0) / span.length;
}
