/** Hears a stream of PCM second by second: keeps what is still needed of it, knows what is speech, can go on in the middle. */
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { detectorState } from '../../audio/detector-state.ts';
import { PcmBuffer } from '../../audio/pcm-buffer.ts';
import { SAMPLE_RATE } from '../../audio/sample-rate.ts';
import type { OpenedSession } from '../../audio/session.ts';
import { createSpeechDetector, nextSample, type SpeechDetector, type VadParams } from '../../audio/vad.ts';

export type Chunks = AsyncIterable<Float32Array> | Iterable<Float32Array>;

/** All positions are samples of the file. */
export const listenerState = z.object({
  /** Where the PCM has to begin for a listener to go on. */
  sample: z.int().nonnegative(),
  /** Heard up to here; the PCM between is only needed again. */
  heard: z.int().nonnegative(),
  /** That was the file's end. */
  ended: z.boolean(),
  detector: detectorState,
});
export type ListenerState = z.infer<typeof listenerState>;

export interface Listener {
  readonly buffer: PcmBuffer;
  readonly detector: SpeechDetector;
  /** The stream has ended, and the detector was told. */
  readonly ended: boolean;
  /** Hears up to the next full second of the file, or its end: what is decided there does not depend on the chunks. */
  hearSecond(): Promise<void>;
  /** For who will need no PCM before the sample `neededFrom` and no speech before `speechFrom` (seconds). */
  state(neededFrom: number, speechFrom: number): ListenerState;
  /** Closes the stream. */
  close(): Promise<void>;
}

/** `session` is Silero's. With `from` the chunks begin at `from.sample`, and what was heard already is heard at once. */
export function createListener(chunks: Chunks, session: OpenedSession, vad: VadParams, from?: ListenerState): Listener {
  const iterator = iterate(chunks);
  const detector = createSpeechDetector(session, { ...vad, padSeconds: 0 }, from?.detector);
  const buffer = new PcmBuffer(from?.sample ?? 0);
  const resumedAt = from?.heard ?? 0;
  const unheardFrom = from === undefined ? 0 : from.ended ? Number.POSITIVE_INFINITY : nextSample(from.detector);
  let rest: Float32Array = new Float32Array();
  let ended = false;

  async function end(): Promise<void> {
    if (buffer.end < resumedAt || (from?.ended && buffer.end > resumedAt)) {
      throw new Error(`the PCM ends at sample ${buffer.end}, but ${resumedAt} were heard of the same file before`);
    }
    if (!from?.ended) await detector.finish();
    ended = true;
  }

  async function hearUntil(stop: number): Promise<void> {
    const heard = buffer.end;
    let isOver = false;
    while (buffer.end < stop && !isOver) {
      if (rest.length === 0) {
        const next = await iterator.next();
        isOver = next.done === true;
        if (next.done !== true) rest = next.value;
      }
      const piece = rest.subarray(0, stop - buffer.end);
      rest = rest.subarray(piece.length);
      buffer.append(piece);
    }
    // In one piece: what a detector finds must not hang, by a rounding, on where chunks end.
    await detector.accept(buffer.slice(Math.min(Math.max(heard, unheardFrom), buffer.end), buffer.end));
    if (isOver) await end();
  }

  return {
    buffer,
    detector,
    get ended() {
      return ended;
    },
    async hearSecond() {
      // Audio that is there already must not keep the model, and a cancel, waiting.
      await setImmediate();
      if (from?.ended) await hearUntil(Number.POSITIVE_INFINITY);
      else if (buffer.end < resumedAt) await hearUntil(resumedAt);
      else await hearUntil((Math.floor(buffer.end / SAMPLE_RATE) + 1) * SAMPLE_RATE);
    },
    state(neededFrom, speechFrom) {
      const state = detector.state(speechFrom);
      const sample = Math.min(Math.floor(neededFrom), ended ? buffer.end : nextSample(state));
      return { sample, heard: buffer.end, ended, detector: state };
    },
    async close() {
      await iterator.return?.();
    },
  };
}

function iterate(chunks: Chunks): AsyncIterator<Float32Array> | Iterator<Float32Array> {
  return Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
}
