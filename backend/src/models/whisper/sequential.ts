/** The reference's way through a file: 30 s at a time, each window beginning where the last timestamp was. */
import { MEL_HOP, MEL_SAMPLES } from '../../audio/log-mel.ts';
import { PcmBuffer } from '../../audio/pcm-buffer.ts';
import { SAMPLE_RATE } from '../../audio/sample-rate.ts';
import type { OpenedSession } from '../../audio/session.ts';
import { createSpeechDetector } from '../../audio/vad.ts';
import type { DecodedPart } from './decode-window.ts';
import { decodeRequest, type WhisperRequest } from './request.ts';
import type { Transcript } from './transcript.ts';
import { type AudioWindow, DEFAULT_WINDOW_OPTIONS } from './windows.ts';

/** A transcript decoded at a higher temperature is no prompt for what follows (openai/whisper). */
const HOTTEST_PROMPT = 0.5;
/** Tokens of it kept; a prompt takes the last of them, half of the text context at most. */
const LONGEST_PROMPT = 224;
/** The reference would decode the last few milliseconds too, and write something for them. */
const SHORTEST_WINDOW = SAMPLE_RATE / 10;

/** openai/whisper, transcribe.py: where a window begins depends on what was heard in the one before. */
export async function runSequentially(
  request: WhisperRequest,
  chunks: AsyncGenerator<Float32Array>,
  transcript: Transcript,
): Promise<void> {
  const { conditionOnPrevious = true } = request.options;
  const source = createSource(chunks, request.model.vad);
  let previous = [...request.initial];
  let seek = 0;
  try {
    for (let index = 0; ; index += 1) {
      const window = await source.window(index, seek);
      if (window === undefined) return;
      const parts = await decodeRequest(request, window, { unfinished: 'drop', previous });
      transcript.add(window, parts);
      const hot = parts.some(({ temperature }) => temperature > HOTTEST_PROMPT);
      const written = parts.flatMap(({ segments }) => segments.flatMap(({ tokens }) => tokens));
      previous = conditionOnPrevious && !hot ? [...previous, ...written].slice(-LONGEST_PROMPT) : [];
      seek += advance(window, parts, transcript.spokenUntil);
    }
  } finally {
    await chunks.return(undefined);
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

/** Windows of 30 s from any point on that lies behind the last one's start. */
function createSource(chunks: AsyncGenerator<Float32Array>, vad: OpenedSession) {
  const buffer = new PcmBuffer();
  const detector = createSpeechDetector(vad, { ...DEFAULT_WINDOW_OPTIONS.vad, padSeconds: 0 });
  let ended = false;

  async function hearUntil(sample: number): Promise<void> {
    while (!ended && buffer.end < sample) {
      const next = await chunks.next();
      if (next.done === true) {
        ended = true;
        await detector.finish();
      } else {
        buffer.append(next.value);
        await detector.accept(next.value);
      }
    }
  }

  return {
    async window(index: number, from: number): Promise<AudioWindow | undefined> {
      await hearUntil(from + MEL_SAMPLES);
      buffer.dropBefore(from);
      const to = Math.min(from + MEL_SAMPLES, buffer.end);
      if (to - from < SHORTEST_WINDOW) return undefined;
      const start = from / SAMPLE_RATE;
      const end = to / SAMPLE_RATE;
      const open = detector.openSince === undefined ? [] : [{ start: detector.openSince, end }];
      const speech = [...detector.segments, ...open].filter((span) => span.end > start && span.start < end);
      return { index, start, end, pcm: buffer.slice(from, to), speech };
    },
  };
}
