/** A difference of texts with the times of what was said: the one is normalised, the other as the model wrote it. */

export interface DiffEntry {
  op: 'equal' | 'substitution' | 'deletion' | 'insertion';
  reference: string | null;
  hypothesis: string | null;
}

export interface TimedEntry extends DiffEntry {
  /** Seconds: where its first word is said; of what is missing, where the word before is. Undefined before the first. */
  start: number | undefined;
}

export interface TimedWord {
  word: string;
  start: number;
}

/** So far ahead a word is looked for: normalisers drop words, split and join them. */
const REACH = 8;

export function timeDiff(diff: readonly DiffEntry[], words: readonly TimedWord[]): TimedEntry[] {
  const spoken = words.map(({ word }) => plain(word));
  let next = 0;
  let time: number | undefined;
  return diff.map((entry) => {
    let start: number | undefined;
    for (const token of (entry.hypothesis ?? '').split(/\s+/).filter((part) => part !== '')) {
      const wanted = plain(token);
      const found = spoken.slice(next, next + REACH).findIndex((word) => word === wanted || word.startsWith(wanted));
      if (found === -1) continue;
      const at = next + found;
      time = words[at]?.start;
      start ??= time;
      next = spoken[at] === wanted ? at + 1 : at;
    }
    return { ...entry, start: start ?? time };
  });
}

function plain(text: string): string {
  return text.toUpperCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
}
