/**
 * Spelled-out English numbers → digits, as the reference's `EnglishNumberNormalizer` (openai/whisper): `twenty five
 * percent` → `25%`, `$20 million` → `$20000000`, `one oh one` → `101`, `nineteen sixties` → `1960s`. Its oddities are
 * kept (`ninth` stays a word, `zero point five dollars` is `¢5`): error rates compare only under the very same rules.
 */
import { NUMBER_WORDS, type NumberWord } from './english-number-words.ts';
import { splitWords, WORD_END, WORD_START } from './symbols.ts';

/** A number being read: an integer, or text once digits are strung together (`1.`, `007`, `1.2.3`). */
type Value = bigint | string;

/** @param text lower case, its white space all U+0020. */
export function normalizeNumbers(text: string): string {
  return joinCents(new NumberReader(splitWords(separateDigits(halvesToDecimals(text)))).read().join(' '));
}

const AND_A_HALF = new RegExp(`${WORD_START}and +a +half${WORD_END}`, 'u');

/** `two and a half` → `two point five`. Without a number word before it, it stays; at the very start, it goes. */
function halvesToDecimals(text: string): string {
  const parts = text.split(AND_A_HALF);
  return parts
    .flatMap((part, index) => {
      const last = splitWords(part).at(-1);
      if (last === undefined) return [];
      if (index === parts.length - 1) return [part];
      const word = NUMBER_WORDS.get(last);
      return [part, isDecimal(word) || isPlain(word, 'multiplier') ? 'point five' : 'and a half'];
    })
    .join(' ');
}

const DETACHED_SUFFIX = new RegExp(`([0-9]) +(st|nd|rd|th|s)${WORD_END}`, 'gu');

/** A space where digits and letters meet, but none before a suffix: `4x4` → `4 x 4`, `32nd` stays. */
function separateDigits(text: string): string {
  return text
    .replace(/([a-z])([0-9])/g, '$1 $2')
    .replace(/([0-9])([a-z])/g, '$1 $2')
    .replace(DETACHED_SUFFIX, '$1$2');
}

const DOLLARS_AND_CENTS = new RegExp(`([€£$])([0-9]+) (?:and )?¢([0-9]{1,2})${WORD_END}`, 'gu');
/** The dot is any character, as in the reference. */
const CENTS_ALONE = new RegExp(`[€£$]0.([0-9]{1,2})${WORD_END}`, 'gu');
const ONE = new RegExp(`${WORD_START}1(s?)${WORD_END}`, 'gu');

/** `$2 and ¢7` → `$2.07`, `$0.50` → `¢50`; a lone `1` or `1s` becomes a word again. */
function joinCents(text: string): string {
  return text
    .replace(DOLLARS_AND_CENTS, (_, currency, whole, cents) => `${currency}${whole}.${cents.padStart(2, '0')}`)
    .replace(CENTS_ALONE, (_, cents) => `¢${Number(cents)}`)
    .replace(ONE, 'one$1');
}

const NUMERAL = /^([-+£€$¢]?)(\p{Nd}+(?:\.\p{Nd}+)?)$/u;
const BARE_NUMERAL = /^\p{Nd}+(?:\.\p{Nd}+)?$/u;

/** Reads words from left to right; a number is written once the word after it does not continue it. */
class NumberReader {
  readonly #words: readonly string[];
  readonly #written: string[] = [];
  #value: Value | undefined;
  /** Sign or currency of the number to come. */
  #prefix = '';

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  read(): string[] {
    for (let index = 0; index < this.#words.length; index += 1) {
      const word = this.#words[index] ?? '';
      const numeral = NUMERAL.exec(word);
      const known = NUMBER_WORDS.get(word);
      if (numeral !== null) this.#readNumeral(numeral);
      else if (known === undefined) this.#writeWord(word);
      else if (this.#readWord(known, index)) index += 1;
    }
    this.#flush();
    return this.#written;
  }

  #readNumeral([word, prefix = '', digits = '']: RegExpExecArray): void {
    if (typeof this.#value === 'string' && this.#value.endsWith('.')) {
      this.#value += word;
      return;
    }
    this.#flush();
    if (prefix !== '') this.#prefix = prefix;
    this.#value = wholeProduct(digits, 1n) ?? digits;
  }

  /** Returns whether the next word was used up too. */
  #readWord(known: NumberWord, index: number): boolean {
    const word = this.#words[index] ?? '';
    const next = this.#words[index + 1] ?? '';
    const before = NUMBER_WORDS.get(this.#words[index - 1] ?? '');
    const after = NUMBER_WORDS.get(next);
    const nextIsNumeral = BARE_NUMERAL.test(next);
    const goesOn = after !== undefined || nextIsNumeral;
    switch (known.kind) {
      case 'zero':
        this.#value = `${this.#digits()}0`;
        return false;
      case 'unit':
      case 'ten':
        this.#value = combine(this.#value, known.value, before);
        if (known.suffix !== undefined) this.#write(`${this.#value}${known.suffix}`);
        return false;
      case 'multiplier':
        this.#multiply(known.value);
        if (known.suffix !== undefined) this.#write(`${this.#value}${known.suffix}`);
        return false;
      case 'sign':
        this.#flush();
        if (goesOn) this.#prefix = known.symbol;
        else this.#write(word);
        return false;
      case 'currency':
        if (this.#value === undefined) {
          this.#write(word);
        } else {
          this.#prefix = known.symbol;
          this.#flush();
        }
        return false;
      case 'percent':
        this.#write(this.#value === undefined ? word : `${this.#value}%`);
        return false;
      case 'per':
        if (this.#value === undefined || next !== 'cent') {
          this.#writeWord(word);
          return false;
        }
        this.#write(`${this.#value}%`);
        return true;
      case 'and':
        // Silent within a number: `two hundred and six`.
        if (!goesOn || !isPlain(before, 'multiplier')) this.#writeWord(word);
        return false;
      case 'repeat': {
        const digit = after?.kind === 'zero' ? 0 : isPlain(after, 'unit') ? after.value : undefined;
        if (digit === undefined) this.#writeWord(word);
        else this.#value = this.#digits() + String(digit).repeat(known.times);
        return digit !== undefined;
      }
      case 'point':
        if (!goesOn) this.#writeWord(word);
        else if (isDecimal(after) || nextIsNumeral) this.#value = `${this.#digits()}.`;
        return false;
    }
  }

  #multiply(multiplier: bigint): void {
    const product = scale(this.#value, multiplier);
    if (product === undefined) this.#flush();
    this.#value = product ?? multiplier;
  }

  /** The value so far, to string more digits to; a zero counts as none. */
  #digits(): string {
    return this.#value === undefined || this.#value === 0n ? '' : String(this.#value);
  }

  #writeWord(word: string): void {
    this.#flush();
    this.#write(word);
  }

  #flush(): void {
    if (this.#value !== undefined) this.#write(String(this.#value));
  }

  #write(text: string): void {
    this.#written.push(this.#prefix + text);
    this.#prefix = '';
    this.#value = undefined;
  }
}

function isPlain<K extends 'unit' | 'ten' | 'multiplier'>(
  word: NumberWord | undefined,
  kind: K,
): word is Extract<NumberWord, { kind: K }> {
  return word?.kind === kind && !('suffix' in word);
}

/** What may follow `point`. */
function isDecimal(word: NumberWord | undefined): boolean {
  return word?.kind === 'zero' || isPlain(word, 'unit') || isPlain(word, 'ten');
}

/** `twenty` + `one` → 21, but `one` + `oh` + `one` and `nineteen` + `sixty` are strung together. */
function combine(value: Value | undefined, added: number, before: NumberWord | undefined): Value {
  if (value === undefined) return BigInt(added);
  if (typeof value === 'string' || isPlain(before, 'unit')) {
    // `oh twenty` + `one`: the zero of twenty gives way.
    const digits = added < 10 && isPlain(before, 'ten') ? String(value).slice(0, -1) : String(value);
    return `${digits}${added}`;
  }
  const room = added < 10 ? 10n : 100n;
  return value % room === 0n ? value + BigInt(added) : `${value}${added}`;
}

/** `two thousand three` × `hundred` multiplies the three alone. Undefined where text has no whole product. */
function scale(value: Value | undefined, multiplier: bigint): bigint | undefined {
  if (value === undefined) return multiplier;
  if (typeof value === 'string') return wholeProduct(value, multiplier);
  const residual = value % 1000n;
  return value - residual + residual * multiplier;
}

/** `2.5` × 1000 → 2500n; undefined when the product is not whole or the text is no number (`1.2.3`). */
function wholeProduct(decimal: string, multiplier: bigint): bigint | undefined {
  const [, whole, fraction = ''] = /^(\p{Nd}*)(?:\.(\p{Nd}+))?$/u.exec(decimal) ?? [];
  if (whole === undefined) return undefined;
  const digits = toAsciiDigits(whole + fraction);
  const product = BigInt(digits) * multiplier;
  const unit = 10n ** BigInt(digits.length - [...whole].length);
  return product % unit === 0n ? product / unit : undefined;
}

/** Decimal digits of any script → ASCII: each script's ten stand in a row. */
function toAsciiDigits(text: string): string {
  return text.replace(/(?![0-9])\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0) ?? 0;
    let zero = code;
    while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
    return String((code - zero) % 10);
  });
}
