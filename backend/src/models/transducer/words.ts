/** Tokens with their times → words, and the text that each token adds. */
import type { Vocabulary } from './tokens.ts';

export interface TimedToken {
  id: number;
  /** Seconds from the start of the audio. */
  time: number;
  logprob: number;
}

export interface RecognizedWord {
  word: string;
  start: number;
  /** Time of the last token; the word's end is estimated from it later. */
  lastTokenTime: number;
  tokens: TimedToken[];
}

export interface WordBuilder {
  readonly words: readonly RecognizedWord[];
  /** Takes the next token and returns what it appends to the text so far: all words, joined by single spaces. */
  accept(token: TimedToken): string;
}

export function createWordBuilder(vocabulary: Vocabulary): WordBuilder {
  const words: RecognizedWord[] = [];
  let decoder = new TextDecoder('utf-8');
  /** Tokens that have yielded no text yet: a bare word mark, the first bytes of a character. */
  let silent: TimedToken[] = [];
  let atWordStart = true;

  function append(text: string, tokens: TimedToken[]): string {
    const [first] = tokens;
    const last = tokens.at(-1);
    const current = words.at(-1);
    if (first === undefined || last === undefined) return '';
    if (!atWordStart && current !== undefined) {
      current.word += text;
      current.lastTokenTime = last.time;
      current.tokens.push(...tokens);
      return text;
    }
    atWordStart = false;
    words.push({ word: text, start: first.time, lastTokenTime: last.time, tokens });
    return words.length === 1 ? text : ` ${text}`;
  }

  return {
    words,
    accept(token) {
      const piece = vocabulary.get(token.id);
      if (piece === undefined) return '';
      if (piece.startsWord) {
        // An unfinished character before a new word is lost: the model broke it off.
        decoder = new TextDecoder('utf-8');
        atWordStart = true;
        silent = [];
      }
      silent.push(token);
      const text = decoder.decode(piece.bytes, { stream: true });
      if (text === '') return '';
      const tokens = silent;
      silent = [];
      return append(text, tokens);
    },
  };
}
