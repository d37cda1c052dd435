/** Words of a text by keyboard: one tab stop for the text, ← and → from word to word, Enter goes there. */
import type { KeyboardEvent } from 'react';

/** @param selector of the words within the element that has the focus; the one under the cursor has `data-cursor` */
export function moveWordCursor(
  event: KeyboardEvent<HTMLElement>,
  selector: string,
  onEnter: (word: HTMLElement | null) => void,
): void {
  const words = [...event.currentTarget.querySelectorAll<HTMLElement>(selector)];
  const at = words.findIndex((word) => 'cursor' in word.dataset);
  if (event.key === 'Enter') onEnter(words[Math.max(0, at)] ?? null);
  else if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
    const next = Math.min(Math.max(0, at + (event.key === 'ArrowRight' ? 1 : -1)), words.length - 1);
    clearWordCursor(event.currentTarget);
    const word = words[next];
    if (word !== undefined) word.dataset.cursor = '';
    word?.scrollIntoView({ block: 'nearest' });
  } else return;
  event.preventDefault();
  // Neither the page's own arrows nor the list's.
  event.stopPropagation();
}

export function clearWordCursor(text: HTMLElement): void {
  for (const word of text.querySelectorAll<HTMLElement>('[data-cursor]')) delete word.dataset.cursor;
}
