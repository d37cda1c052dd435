/** Where a transcript's words stand in the text of its segments. */

/**
 * Words come in the order of the text: a segment's are those that its text goes on with.
 * @returns of `words[from]` and those behind it, where each begins in the text, up to the first that is not in it.
 */
export function findWords(text: string, words: readonly { word: string }[], from: number): number[] {
  const found: number[] = [];
  let position = 0;
  for (let index = from; index < words.length; index += 1) {
    const written = words[index]?.word.trim() ?? '';
    const at = text.indexOf(written, position);
    if (at < 0) break;
    found.push(at);
    position = at + written.length;
  }
  return found;
}
