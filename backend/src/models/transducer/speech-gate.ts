/**
 * Keeps the search off what is no speech: a frame is decoded when it lies in a speech segment or near one. The margins
 * are generous because a word must never be lost; what they have to keep out is noise far from any speech.
 */
import type { SpeechDetector } from '../../audio/vad.ts';

/** Seconds before a segment that still count: quiet onsets. */
const LEAD = 0.3;
/** Seconds behind a segment: a streaming model emits a word up to half a second after it was spoken. */
const TRAIL = 0.6;

/** true: decode the frame at that time; false: skip it; undefined: not settled before more audio is heard. */
export type SpeechGate = (time: number) => boolean | undefined;

export function createSpeechGate(detector: SpeechDetector): SpeechGate {
  // Times come in order: segments that ended long before the last one are not looked at again.
  let firstSegment = 0;
  return (time) => {
    const { segments, openSince, settledUntil } = detector;
    while (firstSegment < segments.length && (segments[firstSegment]?.end ?? 0) + TRAIL < time) firstSegment += 1;
    const segment = segments[firstSegment];
    if (segment !== undefined && segment.start - LEAD <= time) return true;
    if (openSince !== undefined && openSince - LEAD <= time) return true;
    return time + LEAD < settledUntil ? false : undefined;
  };
}
