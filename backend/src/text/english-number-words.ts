/** The number words of the reference's English normaliser (openai/whisper, `EnglishNumberNormalizer`). */

export type NumberWord =
  | { kind: 'zero' }
  /** one … nineteen; `suffix` of plurals and ordinals: `s`, `st`, `nd`, `rd`, `th` */
  | { kind: 'unit'; value: number; suffix?: string }
  /** twenty … ninety */
  | { kind: 'ten'; value: number; suffix?: string }
  | { kind: 'multiplier'; value: bigint; suffix?: string }
  /** before a number */
  | { kind: 'sign'; symbol: string }
  /** after a number, written before it */
  | { kind: 'currency'; symbol: string }
  | { kind: 'percent' }
  | { kind: 'per' }
  | { kind: 'and' }
  | { kind: 'repeat'; times: number }
  | { kind: 'point' };

const UNITS = [
  ...['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve', 'thirteen'],
  ...['fourteen', 'fifteen', 'sixteen', 'seventeen', 'eighteen', 'nineteen'],
];
const TENS = ['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];
/** Each a thousand times the one before. */
const THOUSANDS = [
  ...['thousand', 'million', 'billion', 'trillion', 'quadrillion', 'quintillion', 'sextillion', 'septillion'],
  ...['octillion', 'nonillion', 'decillion'],
];

const IRREGULAR_ORDINALS: Readonly<Record<string, string>> = {
  one: 'first',
  two: 'second',
  three: 'third',
  five: 'fifth',
  twelve: 'twelfth',
};

/** `eight` → `eighth`. The reference spells `nineth`, and so leaves `ninth` a word. */
function ordinalOf(unit: string): string {
  return IRREGULAR_ORDINALS[unit] ?? (unit.endsWith('t') ? `${unit}h` : `${unit}th`);
}

function ordinalSuffix(value: number): string {
  return ['st', 'nd', 'rd'][value - 1] ?? 'th';
}

function* words(): Generator<[string, NumberWord]> {
  for (const name of ['o', 'oh', 'zero']) yield [name, { kind: 'zero' }];
  yield ['zeroth', { kind: 'unit', value: 0, suffix: 'th' }];
  for (const [index, name] of UNITS.entries()) {
    const value = index + 1;
    yield [name, { kind: 'unit', value }];
    yield [name === 'six' ? 'sixes' : `${name}s`, { kind: 'unit', value, suffix: 's' }];
    yield [ordinalOf(name), { kind: 'unit', value, suffix: ordinalSuffix(value) }];
  }
  for (const [index, name] of TENS.entries()) {
    const value = 10 * (index + 2);
    yield [name, { kind: 'ten', value }];
    yield [name.replace('y', 'ies'), { kind: 'ten', value, suffix: 's' }];
    yield [name.replace('y', 'ieth'), { kind: 'ten', value, suffix: 'th' }];
  }
  for (const [index, name] of ['hundred', ...THOUSANDS].entries()) {
    const value = index === 0 ? 100n : 1000n ** BigInt(index);
    yield [name, { kind: 'multiplier', value }];
    yield [`${name}s`, { kind: 'multiplier', value, suffix: 's' }];
    yield [`${name}th`, { kind: 'multiplier', value, suffix: 'th' }];
  }
  for (const name of ['minus', 'negative']) yield [name, { kind: 'sign', symbol: '-' }];
  for (const name of ['plus', 'positive']) yield [name, { kind: 'sign', symbol: '+' }];
  for (const [name, symbol] of Object.entries({ pound: '£', euro: '€', dollar: '$', cent: '¢' })) {
    yield [name, { kind: 'currency', symbol }];
    yield [`${name}s`, { kind: 'currency', symbol }];
  }
  yield ['percent', { kind: 'percent' }];
  yield ['per', { kind: 'per' }];
  yield ['and', { kind: 'and' }];
  yield ['double', { kind: 'repeat', times: 2 }];
  yield ['triple', { kind: 'repeat', times: 3 }];
  yield ['point', { kind: 'point' }];
}

/** By their spelling in lower case. */
export const NUMBER_WORDS: ReadonlyMap<string, NumberWord> = new Map(words());
