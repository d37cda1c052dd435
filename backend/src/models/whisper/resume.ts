/** What a job stores to go on with a transcription behind the last finished window, in JSON, and how it is read back. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { transcriptWindow } from '../../contract/transcription.ts';
import { listenerState } from './listener.ts';
import type { TranscribeOptions } from './request.ts';
import { cutterState } from './windows.ts';

/** Raised whenever what is stored changes its meaning, or the same state would go on differently. */
const VERSION = 1;

/** Where the reference's way through a file goes on. */
export const sequentialState = z.object({
  listener: listenerState,
  /** Sample at which the next window begins. */
  seek: z.int().nonnegative(),
  /** Tokens its prompt conditions on. */
  previous: z.array(z.int()),
});
export type SequentialState = z.infer<typeof sequentialState>;

export const resumeState = z.discriminatedUnion('mode', [
  z.object({ mode: z.literal('windows'), cutter: cutterState }),
  z.object({ mode: z.literal('sequential'), ...sequentialState.shape }),
]);
export type ResumeState = z.infer<typeof resumeState>;

/** Where a transcription stood behind a window. A newer one takes the place of the one before. */
const resumePosition = z.object({
  version: z.literal(VERSION),
  /** Of the options that bear on the result. */
  options: z.string(),
  /** Windows done. */
  windows: z.int().positive(),
  /** The PCM to go on with begins at this sample of the file: before the next window, which the detector has to hear. */
  sample: z.int().nonnegative(),
  state: resumeState,
});
export type ResumePosition = z.infer<typeof resumePosition>;

/** `windows` are all results so far, in order; `position` came with the last of them. */
const resumePoint = z.object({ windows: z.array(transcriptWindow), position: resumePosition });
export type ResumePoint = z.infer<typeof resumePoint>;

/** The stored state is of no use: whoever stored it begins anew. */
export class CannotResume extends Error {
  override readonly name = 'CannotResume';
}

export function positionBehind(index: number, state: ResumeState, options: TranscribeOptions): ResumePosition {
  const { sample } = state.mode === 'windows' ? state.cutter.listener : state.listener;
  return { version: VERSION, options: fingerprint(options), windows: index + 1, sample, state };
}

/** @throws CannotResume for another version's state, one of other options, or one that is not whole. */
export function checkResumePoint(stored: ResumePoint, options: TranscribeOptions): ResumePoint {
  const version: unknown = stored.position?.version;
  if (version !== VERSION) throw new CannotResume(`the state is of version ${version}, not ${VERSION}`);
  const { data, error } = resumePoint.safeParse(stored);
  if (error !== undefined) throw new CannotResume(`the state is damaged: ${z.prettifyError(error)}`);
  const { windows, position } = data;
  if (position.options !== fingerprint(options)) throw new CannotResume('the state is of a run with other options');
  if (position.windows !== windows.length || windows.some(({ index }, i) => index !== i)) {
    throw new CannotResume(`the state is of ${position.windows} windows, not of the ${windows.length} given`);
  }
  return data;
}

/** Of all that is plain data: a new option that bears on the result is in it without being listed here. */
function fingerprint({ resumeFrom: _, ...options }: TranscribeOptions): string {
  const plain = Object.entries(options).filter(([, value]) => {
    return value !== undefined && typeof value !== 'function' && !(value instanceof AbortSignal);
  });
  plain.sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(plain)).digest('hex');
}
