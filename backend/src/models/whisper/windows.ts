/**
 * Cuts a stream of PCM into windows a model hears at once: speech as Silero VAD finds it, neighbours joined up to a
 * window's length, cut at pauses. Only the PCM of what is not cut yet is held.
 */
import { z } from 'zod';
import { SAMPLE_RATE } from '../../audio/sample-rate.ts';
import type { OpenedSession } from '../../audio/session.ts';
import { type SpeechDetector, type SpeechSegment, VAD_WINDOW_SECONDS, type VadParams } from '../../audio/vad.ts';
import { type Chunks, createListener, listenerState } from './listener.ts';

export interface AudioWindow {
  index: number;
  /** Seconds from the start of the file. */
  start: number;
  end: number;
  /** [(end − start) · 16 000], at most 30 s. */
  pcm: Float32Array;
  /** Speech in it, in seconds from the start of the file. */
  speech: readonly SpeechSegment[];
}

export interface WindowOptions {
  /** The detector's; its own padding is not used, since a window is padded at its ends alone. */
  vad: VadParams;
  /** Longest window, padding included; at most 30. Shorter leaves the model room to close its last timestamp. */
  maxSeconds: number;
  /** A longer pause always ends a window. */
  maxGapSeconds: number;
  /** Silence left in front of speech and behind it, where it does not reach into other speech. */
  padSeconds: number;
}

/**
 * Speech shorter than Silero's 0.25 s is heard too ("yes"). 29 s, because with speech up to the very edge Whisper
 * loses its last timestamp. Beyond a pause of 5 s it tends to make up text for the silence.
 */
export const DEFAULT_WINDOW_OPTIONS: WindowOptions = {
  vad: { threshold: 0.5, negativeThreshold: 0.35, minSpeechSeconds: 0.1, minSilenceSeconds: 0.1, padSeconds: 0 },
  maxSeconds: 29,
  maxGapSeconds: 5,
  padSeconds: 0.3,
};

/** A window cut at a pause has at least this part of the longest one's length; else the speech behind it is cut. */
const SHORTEST_PART = 0.2;
/** Mid-speech cuts are sought in the rest of the longest window behind this part. */
const CUT_ZONE = 0.5;
/** VAD windows (32 ms) on each side that count when a point is judged as a pause. */
const SMOOTHING = 2;

/** Where cutting goes on behind a window. */
export const cutterState = z.object({
  listener: listenerState,
  /** Seconds: speech before `cutAt` was handed out, and padding up to `previousEnd`. */
  cutAt: z.number(),
  previousEnd: z.number(),
});
export type CutterState = z.infer<typeof cutterState>;

export interface CutWindow extends AudioWindow {
  behind: CutterState;
}

/**
 * `session` is Silero's. Windows come in order and do not overlap. With `from` the windows behind that one come, the
 * same as if cutting had not stopped there; the chunks then begin at `from.listener.sample`.
 */
export async function* cutWindows(
  chunks: Chunks,
  session: OpenedSession,
  options: WindowOptions = DEFAULT_WINDOW_OPTIONS,
  from?: { index: number; state: CutterState },
): AsyncGenerator<CutWindow, void, void> {
  const listener = createListener(chunks, session, options.vad, from?.state.listener);
  const planner = createWindowPlanner(listener.detector, options, from?.state);
  const { buffer } = listener;
  let index = from?.index ?? 0;
  try {
    while (!listener.ended) {
      await listener.hearSecond();
      for (let span = planner.next(listener.ended); span !== undefined; span = planner.next(listener.ended)) {
        const start = Math.round(span.start * SAMPLE_RATE);
        const end = Math.min(buffer.end, Math.round(span.end * SAMPLE_RATE));
        const { cutAt, previousEnd, neededFrom } = planner;
        yield {
          index,
          start: start / SAMPLE_RATE,
          end: end / SAMPLE_RATE,
          pcm: buffer.slice(start, end),
          speech: span.speech,
          behind: { listener: listener.state(neededFrom * SAMPLE_RATE, cutAt), cutAt, previousEnd },
        };
        index += 1;
      }
      buffer.dropBefore(Math.floor(planner.neededFrom * SAMPLE_RATE));
    }
  } finally {
    await listener.close();
  }
}

export interface WindowSpan {
  start: number;
  end: number;
  speech: SpeechSegment[];
}

export interface WindowPlanner {
  /** The next window that is settled, padded; undefined before more has been heard, or at the end. */
  next(ended: boolean): WindowSpan | undefined;
  /** No window to come begins before this (seconds). */
  readonly neededFrom: number;
  readonly cutAt: number;
  readonly previousEnd: number;
}

type Heard = Pick<SpeechDetector, 'probabilities' | 'segments' | 'openSince' | 'settledUntil'>;

/** Decides where windows begin and end, from what the detector has heard so far. */
export function createWindowPlanner(
  detector: Heard,
  options: WindowOptions,
  from?: Pick<CutterState, 'cutAt' | 'previousEnd'>,
): WindowPlanner {
  const { maxSeconds, maxGapSeconds, padSeconds } = options;
  /** Speech in one window: what is left of the longest one when both ends are padded. */
  const longest = maxSeconds - 2 * padSeconds;
  /** Detector segments already taken. */
  let taken = 0;
  /** Speech before this has been handed out: the rest of a segment that was cut begins here. */
  let cutAt = from?.cutAt ?? 0;
  let previousEnd = from?.previousEnd ?? 0;

  /** Speech not handed out yet; the last one still grows when `open`. */
  function pending(): { spans: SpeechSegment[]; open: boolean } {
    // Speech that was cut may turn out to have ended before the cut.
    while ((detector.segments[taken]?.end ?? Number.POSITIVE_INFINITY) <= cutAt) taken += 1;
    const spans = detector.segments
      .slice(taken, taken + LOOKAHEAD)
      .map(({ start, end }) => ({ start: Math.max(start, cutAt), end }));
    const behind = taken + LOOKAHEAD < detector.segments.length;
    if (behind || detector.openSince === undefined) return { spans, open: false };
    const now = detector.probabilities.length * VAD_WINDOW_SECONDS;
    return { spans: [...spans, { start: Math.max(detector.openSince, cutAt), end: now }], open: true };
  }

  /** How many of the spans fit into one window from the first one's start on, no pause too long. */
  function fitting(spans: readonly SpeechSegment[]): number {
    const start = spans[0]?.start ?? 0;
    let count = 0;
    for (const [i, span] of spans.entries()) {
      const gap = span.start - (spans[i - 1]?.end ?? span.start);
      if (span.end - start > longest || gap > maxGapSeconds) break;
      count += 1;
    }
    return count;
  }

  function handOut(speech: SpeechSegment[], nextStart: number): WindowSpan {
    const start = speech[0]?.start ?? 0;
    const end = speech.at(-1)?.end ?? start;
    // Half of the pause to the next speech at most, so that padding never hears a neighbour's word.
    const span = {
      start: Math.max(previousEnd, start - padSeconds),
      end: Math.max(end, Math.min(end + padSeconds, (end + nextStart) / 2)),
      speech,
    };
    previousEnd = span.end;
    cutAt = end;
    return span;
  }

  /** Where to cut speech that no pause divides: the quietest moment in the zone, the later one of equals. */
  function quietest(start: number): number {
    const from = Math.ceil((start + CUT_ZONE * longest) / VAD_WINDOW_SECONDS);
    const to = Math.floor((start + longest) / VAD_WINDOW_SECONDS);
    let best = to;
    let lowest = Number.POSITIVE_INFINITY;
    for (let at = from; at <= to; at += 1) {
      const around = detector.probabilities.slice(Math.max(0, at - SMOOTHING), at + SMOOTHING);
      const level = around.reduce((sum, probability) => sum + probability, 0) / Math.max(1, around.length);
      if (level <= lowest) {
        lowest = level;
        best = at;
      }
    }
    return best * VAD_WINDOW_SECONDS;
  }

  function next(ended: boolean): WindowSpan | undefined {
    const { spans, open } = pending();
    const [first] = spans;
    if (first === undefined) return undefined;
    const count = fitting(spans);
    const whole = spans.slice(0, count);
    const lastEnd = whole.at(-1)?.end ?? first.start;
    const following = spans[count];
    if (following === undefined) {
      // Everything fits so far: more speech may join, unless it is over, or the pause or the window has become too long.
      const settled = open ? lastEnd : detector.settledUntil;
      const full = settled - lastEnd > maxGapSeconds || settled - first.start > longest;
      if (!ended && !full) return undefined;
      taken += count;
      return handOut(whole, Number.POSITIVE_INFINITY);
    }
    const gap = following.start - lastEnd;
    if (count > 0 && (gap > maxGapSeconds || lastEnd - first.start >= SHORTEST_PART * longest)) {
      taken += count;
      return handOut(whole, following.start);
    }
    // Too short a part before speech too long to join it: that speech is cut within.
    const cut = Math.max(following.start + VAD_WINDOW_SECONDS, quietest(first.start));
    taken += count;
    return handOut([...whole, { start: following.start, end: cut }], cut);
  }

  return {
    next,
    get cutAt() {
      return cutAt;
    },
    get previousEnd() {
      return previousEnd;
    },
    get neededFrom() {
      const waiting = detector.segments[taken]?.start ?? detector.openSince ?? detector.settledUntil;
      return Math.max(previousEnd, Math.max(waiting, cutAt) - padSeconds);
    },
  };
}

/** Segments looked at for one window: more than 30 s of speech can be made of (each is 0.1 s and a pause at least). */
const LOOKAHEAD = 400;
