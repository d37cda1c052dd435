/** PCM in, transcript out: in windows cut at pauses, many at a time, or one window after the other as the reference. */
import { SAMPLE_RATE } from '../../audio/sample-rate.ts';
import type { TranscriptionResult } from '../../contract/transcription.ts';
import {
  createRequest,
  decodeRequest,
  type TranscribeOptions,
  type WhisperModel,
  type WhisperRequest,
} from './request.ts';
import { runSequentially } from './sequential.ts';
import { createTranscript, type Transcript } from './transcript.ts';
import { type AudioWindow, cutWindows, DEFAULT_WINDOW_OPTIONS } from './windows.ts';

type Chunks = AsyncIterable<Float32Array> | Iterable<Float32Array>;

/** `chunks` are 16 kHz mono PCM in [−1, 1] of any length. Rejects with the signal's reason when it aborts. */
export async function transcribePcm(
  model: WhisperModel,
  chunks: Chunks,
  options: TranscribeOptions = {},
): Promise<TranscriptionResult> {
  const stopped = new AbortController();
  const signal = AbortSignal.any([stopped.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const counter = { samples: 0 };
  const transcript = createTranscript({
    tokenizer: model.tokenizer,
    withLogprobs: options.logprobs ?? false,
    onDelta: options.onDelta,
    onWindow: options.onWindow,
  });
  const request = createRequest(model, options, model.scheduler.open(signal));
  try {
    const heard = counted(chunks, counter, signal);
    if (options.mode === 'sequential') await runSequentially(request, heard, transcript);
    else await runInWindows(request, heard, transcript, { signal, stop: (reason) => stopped.abort(reason) });
    signal.throwIfAborted();
    return transcript.finish(counter.samples / SAMPLE_RATE, request.language ?? 'en');
  } catch (error) {
    stopped.abort(error);
    throw error;
  }
}

async function* counted(
  chunks: Chunks,
  counter: { samples: number },
  signal: AbortSignal,
): AsyncGenerator<Float32Array> {
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    counter.samples += chunk.length;
    yield chunk;
  }
}

/**
 * Windows go to the model in bursts, so that they share batches: of 1, 2, 4 … up to a whole batch, because the first
 * text should come soon. Two batches of windows are held at most.
 */
async function runInWindows(
  request: WhisperRequest,
  chunks: AsyncIterable<Float32Array>,
  transcript: Transcript,
  { signal, stop }: { signal: AbortSignal; stop(reason: unknown): void },
): Promise<void> {
  const { maxBatch } = request.model.scheduler;
  const settled: Promise<void>[] = [];
  let last = Promise.resolve();
  const start = (window: AudioWindow): void => {
    const parts = decodeRequest(request, window, { unfinished: 'keep', previous: request.initial });
    const before = last;
    last = Promise.all([parts, before]).then(([done]) => transcript.add(window, done));
    last.catch(stop);
    settled.push(last);
  };
  const waitUntilOpen = async (most: number): Promise<void> => {
    for (const next of settled.splice(0, Math.max(0, settled.length - most))) await next;
  };

  let burst = 1;
  let waiting: AudioWindow[] = [];
  for await (const window of cutWindows(chunks, request.model.vad, request.options.windows ?? DEFAULT_WINDOW_OPTIONS)) {
    signal.throwIfAborted();
    waiting.push(window);
    if (waiting.length < burst) continue;
    await waitUntilOpen(maxBatch);
    waiting.forEach(start);
    waiting = [];
    burst = Math.min(2 * burst, maxBatch);
  }
  waiting.forEach(start);
  await waitUntilOpen(0);
}
