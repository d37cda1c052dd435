/** `t('key', { name })`: one text of a catalogue, its placeholders filled, its plural chosen. */

import { once } from '../once.ts';
import type { Language } from './languages.ts';
import type { Message, Messages, Plural, Translation } from './message.ts';

type Placeholder<Text> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Placeholder<Rest> : never;
type NameIn<Text extends Message> = Text extends Plural
  ? 'count' | Placeholder<Text['one']> | Placeholder<Text['other']>
  : Placeholder<Text>;
/** A count must be a number, anything else may be; numbers are written as the language writes them. */
type Values<Text extends Message> = {
  [Name in NameIn<Text>]: Text extends Plural ? (Name extends 'count' ? number : string | number) : string | number;
};
type Arguments<Text extends Message> = [NameIn<Text>] extends [never] ? [] : [values: Values<Text>];

export type Translate<English extends Messages> = <Key extends keyof English & string>(
  key: Key,
  ...values: Arguments<English[Key]>
) => string;

export function translator<English extends Messages>(
  texts: Translation<English>,
  language: Language,
): Translate<English> {
  // Making them takes longer than anything else a page does at its start, and many texts need neither.
  const plurals = once(() => new Intl.PluralRules(language));
  const numbers = once(() => new Intl.NumberFormat(language));
  return (key, ...[values]) => {
    const message: Message = texts[key];
    const given = (values ?? {}) as Record<string, string | number>;
    const text = typeof message === 'string' ? message : pluralOf(message, plurals(), Number(given.count));
    return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
      const value = given[name];
      if (value === undefined) return whole;
      return typeof value === 'number' ? numbers().format(value) : value;
    });
  };
}

/** English and French need two forms; what `Intl` calls `many` (a million) is written like `other`. */
function pluralOf(message: Plural, rules: Intl.PluralRules, count: number): string {
  return rules.select(count) === 'one' ? message.one : message.other;
}
