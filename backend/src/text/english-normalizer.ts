/**
 * The reference's English text normaliser (openai/whisper, `EnglishTextNormalizer`), character for character: the one
 * under which word error rates of English speech are commonly published. Table and rules: see NOTICE.md.
 */
import { normalizeNumbers } from './english-numbers.ts';
import SPELLINGS from './english-spelling.json' with { type: 'json' };
import {
  removeBracketed,
  removeSymbolsAndDiacritics,
  SPACE,
  splitWords,
  unifySpaces,
  WORD_END,
  WORD_START,
} from './symbols.ts';

const AMERICAN = new Map(Object.entries(SPELLINGS));

const FILLERS = new RegExp(`${WORD_START}(?:hmm|mm|mhm|mmm|uh|um)${WORD_END}`, 'gu');

const DETACHED_APOSTROPHE = new RegExp(`${SPACE}+'`, 'gu');

const CONTRACTIONS = wholeWords({
  "won't": 'will not',
  "can't": 'can not',
  "let's": 'let us',
  "ain't": 'aint',
  "y'all": 'you all',
  wanna: 'want to',
  gotta: 'got to',
  gonna: 'going to',
  "i'ma": 'i am going to',
  imma: 'i am going to',
  woulda: 'would have',
  coulda: 'could have',
  shoulda: 'should have',
  "ma'am": 'madam',
});

const TITLES = wholeWords({
  mr: 'mister ',
  mrs: 'missus ',
  st: 'saint ',
  dr: 'doctor ',
  prof: 'professor ',
  capt: 'captain ',
  gov: 'governor ',
  ald: 'alderman ',
  gen: 'general ',
  sen: 'senator ',
  rep: 'representative ',
  pres: 'president ',
  rev: 'reverend ',
  hon: 'honorable ',
  asst: 'assistant ',
  assoc: 'associate ',
  lt: 'lieutenant ',
  col: 'colonel ',
  jr: 'junior ',
  sr: 'senior ',
  esq: 'esquire ',
});

/** One after the other: what an earlier one writes may be a later one's (`he'dn't`). */
const ENDINGS = Object.entries({
  "'d been": ' had been',
  "'s been": ' has been',
  "'d gone": ' had gone',
  "'s gone": ' has gone',
  "'d done": ' had done',
  "'s got": ' has got',
  "n't": ' not',
  "'re": ' are',
  "'s": ' is',
  "'d": ' would',
  "'ll": ' will',
  "'t": ' not',
  "'ve": ' have',
  "'m": ' am',
}).map(([ending, full]) => ({ pattern: new RegExp(`${ending}${WORD_END}`, 'gu'), full }));

/**
 * Lower case, contractions and titles in full, numbers in digits, American spelling, no punctuation. As in the
 * reference, a space may remain at either end.
 */
export function normalizeEnglish(text: string): string {
  const heard = removeBracketed(text.toLowerCase()).replace(FILLERS, '').replace(DETACHED_APOSTROPHE, "'");
  const plain = unifySpaces(expand(heard))
    .replace(/(\p{Nd}),(\p{Nd})/gu, '$1$2')
    .replace(/\.([^0-9]|$)/gu, ' $1');
  const numbers = normalizeNumbers(removeSymbolsAndDiacritics(plain, '.%$¢€£'));
  return splitWords(numbers)
    .map((word) => AMERICAN.get(word) ?? word)
    .join(' ')
    .replace(/[.$¢€£]([^0-9])/gu, ' $1')
    .replace(/([^0-9])%/gu, '$1 ')
    .replace(/ +/g, ' ');
}

function expand(text: string): string {
  const words = TITLES(CONTRACTIONS(text));
  return ENDINGS.reduce((made, { pattern, full }) => made.replace(pattern, full), words);
}

function wholeWords(fullForms: Readonly<Record<string, string>>): (text: string) => string {
  const forms = new Map(Object.entries(fullForms));
  const pattern = new RegExp(`${WORD_START}(?:${[...forms.keys()].join('|')})${WORD_END}`, 'gu');
  return (text) => text.replace(pattern, (word) => forms.get(word) ?? word);
}
