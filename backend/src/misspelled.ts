/** Finds names that look like a slip of one that is known. */

/** Further apart than this, two names have nothing to do with each other. */
const MAX_EDITS = 2;
/** Of a short name, too much else is as close. */
const MIN_LENGTH = 7;

export function findMisspelled(names: readonly string[], known: readonly string[]): { name: string; meant: string }[] {
  return names.flatMap((name) => {
    if (name.length < MIN_LENGTH || known.includes(name)) return [];
    const meant = known.find((candidate) => edits(name, candidate) <= MAX_EDITS);
    return meant === undefined ? [] : [{ name, meant }];
  });
}

/** Letters to insert, delete or replace to make one of the other (Levenshtein). */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
