/** What every catalogue must keep, and how a text is filled in. */
import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Messages } from '../../frontend/src/lib/i18n/message.ts';
import { translator } from '../../frontend/src/lib/i18n/translate.ts';

const SOURCE = join(import.meta.dirname, '../../frontend/src');

test('a placeholder is filled, numbers as the language writes them', () => {
  const texts = { hello: 'Hello {name}, {name}', size: '{bytes} of {total}' } as const;
  const t = translator<typeof texts>(texts, 'fr');
  expect(t('hello', { name: '{name}' })).toBe('Hello {name}, {name}');
  expect(t('size', { bytes: 1234.5, total: 'x' })).toBe('1 234,5 of x'.replace(' ', '\u202f'));
});

test('the plural is the language’s: zero is one in French only', () => {
  const texts = { jobs: { one: '{count} job', other: '{count} jobs' } } as const;
  const count = (language: 'en' | 'fr', value: number) =>
    translator<typeof texts>(texts, language)('jobs', { count: value });
  expect([0, 1, 2].map((value) => count('en', value))).toEqual(['0 jobs', '1 job', '2 jobs']);
  expect([0, 1, 2].map((value) => count('fr', value))).toEqual(['0 job', '1 job', '2 jobs']);
});

test('every translation has the keys and the placeholders of the English text', async () => {
  const english: string[] = [];
  for await (const file of glob('**/messages.en.ts', { cwd: SOURCE })) english.push(file);
  expect(english.length).toBeGreaterThan(10);
  for (const file of english) {
    const [en, fr] = await Promise.all([file, file.replace('.en.', '.fr.')].map(shapeOf));
    expect(fr, file).toEqual(en);
  }
});

/** Key → the placeholders of its text, of each form where it has two. */
async function shapeOf(file: string): Promise<Record<string, string[][]>> {
  const { default: messages } = (await import(join(SOURCE, file))) as { default: Messages };
  return Object.fromEntries(
    Object.entries(messages).map(([key, message]) => {
      const forms = typeof message === 'string' ? [message] : [message.one, message.other];
      return [key, forms.map((form) => [...form.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '').sort())];
    }),
  );
}
