/** Speakers as letters and colours: either alone is enough to tell them apart. */

export interface SpeakerMark {
  letter: string;
  /** 1 … 8: a series of the theme's tokens; they repeat, the letters do not. */
  series: number;
}

const SERIES = 8;
const ALPHABET = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** In order of appearance. A voice called by a letter keeps it, a name takes its initial where that is free. */
export function markSpeakers(speakers: readonly string[]): Map<string, SpeakerMark> {
  const distinct = [...new Set(speakers)];
  const taken = new Set(distinct.filter((speaker) => ALPHABET.includes(speaker)));
  const marks = new Map<string, SpeakerMark>();
  for (const [index, speaker] of distinct.entries()) {
    const series = (index % SERIES) + 1;
    if (ALPHABET.includes(speaker)) {
      marks.set(speaker, { letter: speaker, series });
      continue;
    }
    const initial = speaker.trim().charAt(0).toUpperCase();
    const letter = [initial, ...ALPHABET].find((each) => each !== '' && !taken.has(each)) ?? String(index + 1);
    taken.add(letter);
    marks.set(speaker, { letter, series });
  }
  return marks;
}

export interface Turn {
  start: number;
  end: number;
  speaker: string;
}

/**
 * Turns for a drawing of so many pixels: what one speaker says with pauses that nobody would see is one, until there
 * are few enough.
 */
export function mergeTurns(turns: readonly Turn[], duration: number, most = 150): Turn[] {
  let pause = duration / 500;
  let merged = merge(turns, pause);
  while (merged.length > most && pause < duration) {
    pause *= 2;
    // What is too short to see goes first.
    merged = merge(
      merged.filter(({ start, end }) => end - start >= pause / 4),
      pause,
    );
  }
  return merged;
}

function merge(turns: readonly Turn[], pause: number): Turn[] {
  const merged: Turn[] = [];
  const last = new Map<string, Turn>();
  for (const turn of [...turns].sort((a, b) => a.start - b.start)) {
    const before = last.get(turn.speaker);
    if (before !== undefined && turn.start - before.end <= pause) {
      before.end = Math.max(before.end, turn.end);
      continue;
    }
    const added = { ...turn };
    merged.push(added);
    last.set(turn.speaker, added);
  }
  return merged;
}
