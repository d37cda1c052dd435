/** Diarization error rate: how long who is speaking was missed, made up, or taken for somebody else. */
import { assign } from './assignment.ts';
import type { Turn } from './turn.ts';

/** Seconds of speech, added up over the speakers: a second in which two speak counts for two. */
export interface DiarizationErrors {
  /** More speakers speak than were found. */
  miss: number;
  /** Fewer do. */
  falseAlarm: number;
  /** Somebody else was found. */
  confusion: number;
  /** Speech of the reference. */
  reference: number;
}

export interface DiarizationScoring {
  /**
   * Seconds left unscored on *each* side of every start and end of a reference turn, as md-eval's `-c` (customarily
   * 0.25). pyannote.metrics and dscore name the sum of both sides: their `collar` is twice this one. Default 0.
   */
  collar?: number;
  /** Leaves unscored where several reference turns overlap. Default false. */
  skipOverlap?: boolean;
}

/**
 * Equal to pyannote.metrics' `DiarizationErrorRate` over the extent of both sides. Speakers are matched one to one so that
 * they have most scored speech in common. Turns that end before they begin, or as they do, count for nothing; turns of one
 * speaker that overlap each other are two speakers' worth of speech.
 */
export function countDiarizationErrors(
  reference: readonly Turn[],
  hypothesis: readonly Turn[],
  { collar = 0, skipOverlap = false }: DiarizationScoring = {},
): DiarizationErrors {
  const expected = indexSpeakers(reference);
  const found = indexSpeakers(hypothesis);
  const active = { expected: new Int32Array(expected.speakers), found: new Int32Array(found.speakers) };
  /** [expected, found] seconds: of all pairs of turns, by which speakers are matched, and of as many as can be right. */
  const common = new Float64Array(expected.speakers * found.speakers);
  const right = new Float64Array(expected.speakers * found.speakers);
  const errors = { miss: 0, falseAlarm: 0, confusion: 0, reference: 0 };
  let collars = 0;
  let from = 0;

  const score = (seconds: number) => {
    const speaking = sum(active.expected);
    const heard = sum(active.found);
    if (collars > 0 || (skipOverlap && speaking > 1)) return;
    errors.reference += seconds * speaking;
    errors.miss += seconds * Math.max(0, speaking - heard);
    errors.falseAlarm += seconds * Math.max(0, heard - speaking);
    errors.confusion += seconds * Math.min(speaking, heard);
    if (speaking === 0 || heard === 0) return;
    for (const [i, mine] of active.expected.entries()) {
      if (mine === 0) continue;
      for (const [j, theirs] of active.found.entries()) {
        const cell = i * found.speakers + j;
        common[cell] = (common[cell] ?? 0) + seconds * mine * theirs;
        right[cell] = (right[cell] ?? 0) + seconds * Math.min(mine, theirs);
      }
    }
  };

  const events: Event[] = [
    ...expected.turns.flatMap(({ start, end, index }): Event[] => [
      { time: start, side: 'expected', index, change: 1 },
      { time: end, side: 'expected', index, change: -1 },
    ]),
    ...found.turns.flatMap(({ start, end, index }): Event[] => [
      { time: start, side: 'found', index, change: 1 },
      { time: end, side: 'found', index, change: -1 },
    ]),
    ...(collar > 0 ? expected.turns : []).flatMap(({ start, end }) =>
      [start, end].flatMap((edge): Event[] => [
        { time: edge - collar, side: 'collar', index: 0, change: 1 },
        { time: edge + collar, side: 'collar', index: 0, change: -1 },
      ]),
    ),
  ];
  for (const { time, side, index, change } of events.sort((a, b) => a.time - b.time)) {
    if (time > from) score(time - from);
    from = time;
    if (side === 'collar') collars += change;
    else active[side][index] = (active[side][index] ?? 0) + change;
  }

  const matched = assign(
    common.map((seconds) => -seconds),
    expected.speakers,
    found.speakers,
  );
  for (const [i, j] of matched.entries()) {
    if (j >= 0) errors.confusion -= right[i * found.speakers + j] ?? 0;
  }
  errors.confusion = Math.max(0, errors.confusion);
  return errors;
}

/** Errors over all recordings: long ones weigh more than short ones, as in the literature. */
export function addDiarizationErrors(recordings: readonly DiarizationErrors[]): DiarizationErrors {
  const total = { miss: 0, falseAlarm: 0, confusion: 0, reference: 0 };
  for (const { miss, falseAlarm, confusion, reference } of recordings) {
    total.miss += miss;
    total.falseAlarm += falseAlarm;
    total.confusion += confusion;
    total.reference += reference;
  }
  return total;
}

/** Wrong seconds per second of the reference's speech; may exceed 1. Without such speech 0, or 1 if any was found. */
export function diarizationErrorRate({ miss, falseAlarm, confusion, reference }: DiarizationErrors): number {
  const wrong = miss + falseAlarm + confusion;
  if (reference === 0) return wrong === 0 ? 0 : 1;
  return wrong / reference;
}

interface Event {
  time: number;
  side: 'expected' | 'found' | 'collar';
  /** Of the speaker. */
  index: number;
  change: 1 | -1;
}

function indexSpeakers(turns: readonly Turn[]) {
  const indices = new Map<string, number>();
  const indexed = turns
    .filter(({ start, end }) => end > start)
    .map(({ start, end, speaker }) => {
      const index = indices.get(speaker) ?? indices.size;
      indices.set(speaker, index);
      return { start, end, index };
    });
  return { turns: indexed, speakers: indices.size };
}

function sum(values: Int32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
