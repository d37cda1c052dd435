/** The shape of texts, in every language. */

/** `{one, other}` is chosen by the value of `{count}`. */
export interface Plural {
  readonly one: string;
  readonly other: string;
}
export type Message = string | Plural;
export type Messages = Readonly<Record<string, Message>>;

/** What a translation of these English texts must have: the same keys, plurals where English has plurals. */
export type Translation<English extends Messages> = {
  readonly [Key in keyof English]: English[Key] extends string ? string : Plural;
};
