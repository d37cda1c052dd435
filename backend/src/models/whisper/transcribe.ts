/** PCM in, transcript out: in windows cut at pauses, many at a time, or one window after the other as the reference. */
import { SAMPLE_RATE } from '../../audio/sample-rate.ts';
import type { TranscriptionResult, TranscriptWindow } from '../../contract/transcription.ts';
import type { Chunks } from './listener.ts';
import {
  createRequest,
  decodeRequest,
  type TranscribeOptions,
  type WhisperModel,
  type WhisperRequest,
} from './request.ts';
import { checkResumePoint, positionBehind, type ResumeState } from './resume.ts';
import { runSequentially } from './sequential.ts';
import { createTranscript, type Transcript } from './transcript.ts';
import type { WindowLane } from './window-jobs.ts';
import { type CutterState, type CutWindow, cutWindows, DEFAULT_WINDOW_OPTIONS } from './windows.ts';

/**
 * `chunks` are 16 kHz mono PCM in [−1, 1] of any length; with `resumeFrom` from its position's sample on. Rejects with
 * the signal's reason when it aborts, with `CannotResume` where nothing can be done with `resumeFrom`.
 */
export async function transcribePcm(
  model: WhisperModel,
  chunks: Chunks,
  options: TranscribeOptions = {},
): Promise<TranscriptionResult> {
  const resumed = options.resumeFrom && checkResumePoint(options.resumeFrom, options);
  const stopped = new AbortController();
  const signal = AbortSignal.any([stopped.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const counter = { samples: resumed?.position.sample ?? 0 };
  const transcript = createTranscript({
    tokenizer: model.tokenizer,
    withLogprobs: options.logprobs ?? false,
    onDelta: options.onDelta,
    done: resumed?.windows,
  });
  const request = createRequest(model, options, model.scheduler.open(signal), resumed?.windows[0]?.language);
  const onWindow = (result: TranscriptWindow, state: ResumeState): void =>
    options.onWindow?.(result, positionBehind(result.index, state, options));
  try {
    const heard = counted(chunks, counter, request.lane, signal);
    const index = resumed?.windows.length ?? 0;
    const state = resumed?.position.state;
    if (options.mode === 'sequential') {
      await runSequentially({
        request,
        chunks: heard,
        transcript,
        from: state?.mode === 'sequential' ? { index, state } : undefined,
        onWindow: (result, behind) => onWindow(result, { mode: 'sequential', ...behind }),
      });
    } else {
      await runInWindows({
        request,
        chunks: heard,
        transcript,
        from: state?.mode === 'windows' ? { index, state: state.cutter } : undefined,
        onWindow: (result, cutter) => onWindow(result, { mode: 'windows', cutter }),
        signal,
        stop: (reason) => stopped.abort(reason),
      });
    }
    signal.throwIfAborted();
    return transcript.finish(counter.samples / SAMPLE_RATE, request.language ?? 'en');
  } catch (error) {
    stopped.abort(error);
    throw error;
  } finally {
    request.lane.close();
  }
}

async function* counted(
  chunks: Chunks,
  counter: { samples: number },
  lane: Pick<WindowLane, 'hears'>,
  signal: AbortSignal,
): AsyncGenerator<Float32Array> {
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    lane.hears();
    counter.samples += chunk.length;
    yield chunk;
  }
}

interface WindowsRun {
  request: WhisperRequest;
  chunks: Chunks;
  transcript: Transcript;
  /** Goes on behind that many windows. */
  from: { index: number; state: CutterState } | undefined;
  onWindow(result: TranscriptWindow, state: CutterState): void;
  signal: AbortSignal;
  stop(reason: unknown): void;
}

/**
 * Windows go to the model in bursts, so that they share batches: of 1, 2, 4 … up to a whole batch, because the first
 * text should come soon. Two batches of windows are held at most.
 */
async function runInWindows({ request, chunks, transcript, from, onWindow, signal, stop }: WindowsRun): Promise<void> {
  const { model, options } = request;
  const { scheduler } = model;
  const settled: Promise<void>[] = [];
  let last = Promise.resolve();
  const start = (window: CutWindow): void => {
    const parts = decodeRequest(request, window, { unfinished: 'keep', previous: request.initial });
    const before = last;
    last = Promise.all([parts, before]).then(([done]) => onWindow(transcript.add(window, done), window.behind));
    last.catch(stop);
    settled.push(last);
  };
  const waitUntilOpen = async (most: number): Promise<void> => {
    for (const next of settled.splice(0, Math.max(0, settled.length - most))) await next;
  };

  let burst = 1;
  let waiting: CutWindow[] = [];
  for await (const window of cutWindows(chunks, model.vad, options.windows ?? DEFAULT_WINDOW_OPTIONS, from)) {
    signal.throwIfAborted();
    waiting.push(window);
    if (waiting.length < burst) continue;
    await waitUntilOpen(scheduler.maxBatch);
    waiting.forEach(start);
    waiting = [];
    burst = Math.min(2 * burst, scheduler.maxBatch);
  }
  waiting.forEach(start);
  await waitUntilOpen(0);
}
