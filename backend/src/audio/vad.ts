/**
 * Voice activity by Silero VAD v5/v6 (snakers4/silero-vad, MIT) at 16 kHz: a speech probability for each window of
 * 512 samples (32 ms), and from these the speech segments.
 */
import { type DetectorState, packFloats, unpackFloats } from './detector-state.ts';
import type { OpenedSession } from './session.ts';

const SAMPLE_RATE = 16_000;
/** New samples in a window. */
export const WINDOW = 512;
/** Samples of the window before that the graph sees again in front; without them the scores degrade silently. */
export const CONTEXT = 64;
/** The graph's memory from window to window. */
export const MEMORY_DIMS = [2, 1, 128] as const;
/** Inputs and outputs of a graph that hears windows [n, 576] in a row and gives probabilities [n, 1]. */
export const MANY_WINDOWS = {
  input: 'windows',
  memory: 'memory',
  probabilities: 'probabilities',
  memoryAfter: 'memory_after',
} as const;
export const VAD_WINDOW_SECONDS = WINDOW / SAMPLE_RATE;

export interface VadParams {
  /** Speech begins at this probability … */
  threshold: number;
  /** … and ends below this one: hysteresis. */
  negativeThreshold: number;
  minSpeechSeconds: number;
  minSilenceSeconds: number;
  /** Added on both sides of a segment. */
  padSeconds: number;
}

/** snakers4/silero-vad, utils_vad.py: get_speech_timestamps. */
export const DEFAULT_VAD_PARAMS: VadParams = {
  threshold: 0.5,
  negativeThreshold: 0.35,
  minSpeechSeconds: 0.25,
  minSilenceSeconds: 0.1,
  padSeconds: 0.03,
};

/** Seconds from the start of the stream. */
export interface SpeechSegment {
  start: number;
  end: number;
}

export interface SpeechDetector {
  /** One probability per window heard so far; NaN for those that a detector gone on from a state does not know. */
  readonly probabilities: readonly number[];
  /** Segments whose end is known, padded, in order and not overlapping. */
  readonly segments: readonly SpeechSegment[];
  /** Padded start of the segment that is still open, once it is long enough to count as speech. */
  readonly openSince: number | undefined;
  /** Up to here (seconds) it is settled what is speech: later windows cannot add a segment before this point. */
  readonly settledUntil: number;
  accept(pcm: Float32Array): Promise<void>;
  /** Ends the stream: the last window is filled up with silence and an open segment is closed. */
  finish(): Promise<void>;
  /** From which a detector goes on as this one would; knows segments and probabilities from `since` (seconds) on. */
  state(since: number): DetectorState;
}

/** The sample of the stream at which a detector that goes on from the state wants to be fed first. */
export function nextSample({ windows }: DetectorState): number {
  return Math.max(0, windows * WINDOW - CONTEXT);
}

export interface WindowScores {
  /** One per window. */
  probabilities: readonly number[];
  /** Behind the last of them. */
  memory: Float32Array;
}

/** `windows` [576] in a row, each with its context in front, by a graph of many windows or of one (Silero's own). */
export async function scoreWindows(
  session: OpenedSession,
  windows: readonly Float32Array[],
  memory: Float32Array,
): Promise<WindowScores> {
  if (!session.inputs.some(({ name }) => name === MANY_WINDOWS.input)) return scoreOneByOne(session, windows, memory);
  const all = new Float32Array(windows.length * (CONTEXT + WINDOW));
  for (const [i, window] of windows.entries()) all.set(window, i * window.length);
  const outputs = await session.run({
    [MANY_WINDOWS.input]: session.tensor('float32', all, [windows.length, CONTEXT + WINDOW]),
    [MANY_WINDOWS.memory]: session.tensor('float32', memory, MEMORY_DIMS),
  });
  return {
    probabilities: Array.from(outputs[MANY_WINDOWS.probabilities]?.data ?? [], Number),
    memory: outputs[MANY_WINDOWS.memoryAfter]?.data as Float32Array,
  };
}

async function scoreOneByOne(
  session: OpenedSession,
  windows: readonly Float32Array[],
  memory: Float32Array,
): Promise<WindowScores> {
  const probabilities: number[] = [];
  // input [1, 576], state [2, 1, 128], sr []
  const sr = session.tensor('int64', BigInt64Array.of(BigInt(SAMPLE_RATE)), []);
  let state = session.tensor('float32', memory, MEMORY_DIMS);
  for (const window of windows) {
    const input = session.tensor('float32', window, [1, CONTEXT + WINDOW]);
    const { output, stateN } = await session.run({ input, state, sr });
    const probability = output?.data[0];
    if (typeof probability !== 'number' || stateN === undefined) {
      throw new Error('The voice activity graph has no outputs "output" and "stateN"');
    }
    probabilities.push(probability);
    state = stateN;
  }
  return { probabilities, memory: state.data as Float32Array };
}

/**
 * One stream's detector; the session may be shared by many, whose calls interleave. With `from` it goes on in the
 * middle of the stream and is fed from `nextSample(from)` on.
 */
export function createSpeechDetector(
  session: OpenedSession,
  params: VadParams = DEFAULT_VAD_PARAMS,
  from?: DetectorState,
): SpeechDetector {
  const segmenter = createSegmenter(params, from);
  const known = from === undefined ? [] : unpackFloats(from.probabilities);
  const probabilities: number[] = new Array<number>((from?.windows ?? 0) - known.length)
    .fill(Number.NaN)
    .concat(...known);
  let memory: Float32Array = from === undefined ? new Float32Array(2 * 128) : unpackFloats(from.memory);
  const input = new Float32Array(CONTEXT + WINDOW);
  let received = from === undefined ? 0 : nextSample(from);
  /** Samples of the window that is being filled; negative while its context is. */
  let filled = received - (from?.windows ?? 0) * WINDOW;

  async function hear(windows: readonly Float32Array[]): Promise<void> {
    if (windows.length === 0) return;
    const scores = await scoreWindows(session, windows, memory);
    memory = scores.memory;
    for (const probability of scores.probabilities) {
      probabilities.push(probability);
      segmenter.accept(probability);
    }
  }

  /** The window that is filled; the next one's context is its end. */
  function takeWindow(): Float32Array {
    const window = input.slice();
    input.copyWithin(0, WINDOW);
    filled = 0;
    return window;
  }

  return {
    probabilities,
    segments: segmenter.segments,
    get openSince() {
      return segmenter.openSince;
    },
    get settledUntil() {
      return segmenter.settledUntil;
    },
    async accept(pcm) {
      received += pcm.length;
      const windows: Float32Array[] = [];
      for (let at = 0; at < pcm.length; ) {
        const taken = Math.min(WINDOW - filled, pcm.length - at);
        input.set(pcm.subarray(at, at + taken), CONTEXT + filled);
        filled += taken;
        at += taken;
        if (filled === WINDOW) windows.push(takeWindow());
      }
      await hear(windows);
    },
    async finish() {
      if (filled > 0) {
        input.fill(0, CONTEXT + filled);
        await hear([takeWindow()]);
      }
      segmenter.finish(received / SAMPLE_RATE);
    },
    state(since) {
      const first = Math.min(probabilities.length, Math.floor(since / VAD_WINDOW_SECONDS));
      return {
        windows: probabilities.length,
        memory: packFloats(memory),
        probabilities: packFloats(Float32Array.from(probabilities.slice(first))),
        ...segmenter.state(since),
      };
    },
  };
}

interface Segmenter {
  readonly segments: readonly SpeechSegment[];
  readonly openSince: number | undefined;
  readonly settledUntil: number;
  accept(probability: number): void;
  finish(duration: number): void;
  state(since: number): SegmenterState;
}

type SegmenterState = Pick<DetectorState, 'segments' | 'speechSince' | 'silentSince'>;

/** Silero's state machine over window probabilities, one window at a time. */
function createSegmenter(params: VadParams, from?: DetectorState): Segmenter {
  const segments: SpeechSegment[] = from === undefined ? [] : structuredClone(from.segments);
  let windows = from?.windows ?? 0;
  /** Start of the segment being heard. */
  let start = from?.speechSince;
  /** Where it fell below the negative threshold; forgotten when speech comes back in time. */
  let silentSince = from?.silentSince;

  const longEnough = (from: number, to: number): boolean => to - from > params.minSpeechSeconds;
  const padded = (from: number): number => {
    const previousEnd = segments.at(-1)?.end ?? 0;
    return Math.max(previousEnd, from - params.padSeconds);
  };

  function close(from: number, to: number, duration: number): void {
    if (longEnough(from, to)) segments.push({ start: padded(from), end: Math.min(duration, to + params.padSeconds) });
    start = undefined;
    silentSince = undefined;
  }

  return {
    segments,
    get openSince() {
      if (start === undefined || !longEnough(start, silentSince ?? windows * VAD_WINDOW_SECONDS)) return undefined;
      return padded(start);
    },
    get settledUntil() {
      return Math.max(0, (start ?? windows * VAD_WINDOW_SECONDS) - params.padSeconds);
    },
    accept(probability) {
      const now = windows * VAD_WINDOW_SECONDS;
      windows += 1;
      if (probability >= params.threshold) {
        silentSince = undefined;
        start ??= now;
        return;
      }
      if (start === undefined || probability >= params.negativeThreshold) return;
      silentSince ??= now;
      if (now - silentSince >= params.minSilenceSeconds) close(start, silentSince, Number.POSITIVE_INFINITY);
    },
    finish(duration) {
      if (start !== undefined) close(start, silentSince ?? duration, duration);
      const last = segments.at(-1);
      if (last !== undefined) last.end = Math.min(last.end, duration);
    },
    state(since) {
      // One more: the next segment's padding ends where it does.
      const first = segments.findIndex(({ end }) => end > since);
      const kept = segments.slice(Math.max(0, (first === -1 ? segments.length : first) - 1));
      return { segments: structuredClone(kept), speechSince: start, silentSince };
    },
  };
}
