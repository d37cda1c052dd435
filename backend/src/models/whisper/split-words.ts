/** Tokens → words (openai/whisper, tokenizer.py: split_to_word_tokens). */

export interface WordTokens {
  /** As decoded: with its leading space, punctuation apart. */
  word: string;
  tokens: number[];
}

type Decode = (tokens: readonly number[]) => string;

/** Written without spaces: every character that tokens complete is a word. */
const UNSPACED = new Set(['zh', 'ja', 'th', 'lo', 'my', 'yue']);
/** Python's `string.punctuation`. */
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';
const REPLACEMENT = '\uFFFD';

/** `tokens` are pieces of text only. */
export function splitWords(tokens: readonly number[], decode: Decode, language: string): WordTokens[] {
  const characters = splitOnUnicode(tokens, decode);
  return UNSPACED.has(language) ? characters : joinToWords(characters);
}

/** Splits wherever the tokens so far are whole characters: one may be spread over several tokens. */
function splitOnUnicode(tokens: readonly number[], decode: Decode): WordTokens[] {
  const full = Array.from(decode(tokens));
  const words: WordTokens[] = [];
  let current: number[] = [];
  let offset = 0;
  for (const token of tokens) {
    current.push(token);
    const word = decode(current);
    const characters = Array.from(word);
    const broken = characters.indexOf(REPLACEMENT);
    // A replacement character that stands in the whole text too will not be completed by later tokens.
    if (broken !== -1 && full[offset + broken] !== REPLACEMENT) continue;
    words.push({ word, tokens: current });
    current = [];
    offset += characters.length;
  }
  if (current.length > 0) words.push({ word: decode(current), tokens: current });
  return words;
}

/** A space or punctuation begins a word. */
function joinToWords(parts: readonly WordTokens[]): WordTokens[] {
  const words: WordTokens[] = [];
  for (const { word, tokens } of parts) {
    const last = words.at(-1);
    if (last === undefined || word.startsWith(' ') || PUNCTUATION.includes(word.trim())) {
      words.push({ word, tokens: [...tokens] });
    } else {
      last.word += word;
      last.tokens.push(...tokens);
    }
  }
  return words;
}
