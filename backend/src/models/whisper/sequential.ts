/** The reference's way through a file: 30 s at a time, each window beginning where the last timestamp was. */

import { MEL_HOP, MEL_SAMPLES } from '../../audio/log-mel.ts';
import { SAMPLE_RATE } from '../../audio/sample-rate.ts';
import type { TranscriptWindow } from '../../contract/transcription.ts';
import type { DecodedPart } from './decode-window.ts';
import { type Chunks, createListener, type Listener } from './listener.ts';
import { decodeRequest, type WhisperRequest } from './request.ts';
import type { SequentialState } from './resume.ts';
import type { Transcript } from './transcript.ts';
import { type AudioWindow, DEFAULT_WINDOW_OPTIONS } from './windows.ts';

/** A transcript decoded at a higher temperature is no prompt for what follows (openai/whisper). */
const HOTTEST_PROMPT = 0.5;
/** Tokens of it kept; a prompt takes the last of them, half of the text context at most. */
const LONGEST_PROMPT = 224;
/** The reference would decode the last few milliseconds too, and write something for them. */
const SHORTEST_WINDOW = SAMPLE_RATE / 10;

export interface SequentialRun {
  request: WhisperRequest;
  chunks: Chunks;
  transcript: Transcript;
  /** Goes on behind that many windows; the chunks then begin at `state.listener.sample`. */
  from: { index: number; state: SequentialState } | undefined;
  onWindow(result: TranscriptWindow, state: SequentialState): void;
}

/** openai/whisper, transcribe.py: where a window begins depends on what was heard in the one before. */
export async function runSequentially({ request, chunks, transcript, from, onWindow }: SequentialRun): Promise<void> {
  const { conditionOnPrevious = true } = request.options;
  const listener = createListener(chunks, request.model.vad, DEFAULT_WINDOW_OPTIONS.vad, from?.state.listener);
  let previous = [...(from?.state.previous ?? request.initial)];
  let seek = from?.state.seek ?? 0;
  try {
    for (let index = from?.index ?? 0; ; index += 1) {
      const window = await windowAt(listener, index, seek);
      if (window === undefined) return;
      const parts = await decodeRequest(request, window, { unfinished: 'drop', previous });
      const result = transcript.add(window, parts);
      const hot = parts.some(({ temperature }) => temperature > HOTTEST_PROMPT);
      const written = parts.flatMap(({ segments }) => segments.flatMap(({ tokens }) => tokens));
      previous = conditionOnPrevious && !hot ? [...previous, ...written].slice(-LONGEST_PROMPT) : [];
      seek += advance(window, parts, transcript.spokenUntil);
      onWindow(result, { listener: listener.state(seek, seek / SAMPLE_RATE), seek, previous });
    }
  } finally {
    await listener.close();
  }
}

/** Samples to go on by; where words were timed, from the last one's end, which is finer than a timestamp. */
function advance(window: AudioWindow, parts: readonly DecodedPart[], spokenUntil: number): number {
  const last = parts.at(-1);
  if (last === undefined) return window.pcm.length;
  const byWords = !last.closed && last.timed.length > 0 && spokenUntil > window.start;
  const until = byWords ? spokenUntil : last.window.start + last.advance;
  const samples = Math.round(((until - window.start) * SAMPLE_RATE) / MEL_HOP) * MEL_HOP;
  // Two timestamps of 0.00 would stay here for ever.
  return samples > 0 ? samples : window.pcm.length;
}

/** 30 s from a sample on that lies behind the last window's start; undefined at the end. */
async function windowAt(listener: Listener, index: number, from: number): Promise<AudioWindow | undefined> {
  const { buffer, detector } = listener;
  while (!listener.ended && buffer.end < from + MEL_SAMPLES) await listener.hearSecond();
  buffer.dropBefore(from);
  const to = Math.min(from + MEL_SAMPLES, buffer.end);
  if (to - from < SHORTEST_WINDOW) return undefined;
  const start = from / SAMPLE_RATE;
  const end = to / SAMPLE_RATE;
  const open = detector.openSince === undefined ? [] : [{ start: detector.openSince, end }];
  const speech = [...detector.segments, ...open].filter((span) => span.end > start && span.start < end);
  return { index, start, end, pcm: buffer.slice(from, to), speech };
}
