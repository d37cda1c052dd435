/** A transcript and a diarization of the same audio → the transcript with who says what. */
import type { DiarizationResult } from '../contract/diarization.ts';
import type { TranscriptionResult, TranscriptSegment, TranscriptWord, Utterance } from '../contract/transcription.ts';
import { assignSegmentSpeakers, assignSpeakers, groupBySpeaker, type Spoken } from '../text/assign-speakers.ts';
import { findWords } from '../text/find-words.ts';

/** Who speaks where the diarization heard nobody at all. */
const NOBODY = 'A';

/** By its words where it has any; else a whole segment is one speaker's. */
export function addSpeakers(
  transcript: TranscriptionResult,
  { speakers, turns, exclusive }: DiarizationResult,
): TranscriptionResult {
  const words = assignSpeakers(transcript.words, exclusive, NOBODY);
  const utterances =
    words.length > 0 ? byWords(transcript.segments, words) : bySegments(transcript.segments, exclusive);
  const segments = transcript.segments.map((segment) => {
    const speaker = mostSaidBy(utterances.filter(({ of }) => of === segment));
    return speaker === undefined ? segment : { ...segment, speaker };
  });
  return {
    ...transcript,
    segments,
    words,
    diarization: { speakers, turns, utterances: utterances.map(({ of: _, ...utterance }) => utterance) },
  };
}

/** With the segment that it is a part of. */
type Part = Utterance & { of: TranscriptSegment };

function byWords(segments: readonly TranscriptSegment[], words: readonly Spoken<TranscriptWord>[]): Part[] {
  let next = 0;
  return segments.flatMap((segment, index) => {
    const end = index === segments.length - 1 ? words.length : next + findWords(segment.text, words, next).length;
    const own = words.slice(next, end);
    next = end;
    const parts = groupBySpeaker(own, segment.text);
    if (parts.length === 0 && segment.text.trim() !== '') return bySegments([segment], own);
    return parts.map(({ start, end, text, speaker }) => ({ start, end, text, speaker, of: segment }));
  });
}

function bySegments(
  segments: readonly TranscriptSegment[],
  turns: readonly { start: number; end: number; speaker: string }[],
): Part[] {
  return assignSegmentSpeakers(segments, turns, NOBODY).map(({ start, end, text, speaker }, index) => ({
    ...{ start, end, text, speaker },
    of: segments[index] as TranscriptSegment,
  }));
}

/** Who has the most of the text; undefined without any. */
function mostSaidBy(parts: readonly Utterance[]): string | undefined {
  const said = new Map<string, number>();
  for (const { speaker, text } of parts) said.set(speaker, (said.get(speaker) ?? 0) + text.length);
  return [...said].sort(([, a], [, b]) => b - a)[0]?.[0];
}
