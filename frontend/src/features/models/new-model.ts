import type { RegisterModelRequest } from '@contract/model-admin.ts';

/** `Org/My Model` → `my-model`: what a model's id may be, from the repository's name. */
export function suggestedId(repo: string): string {
  const name = repo.split('/').at(-1) ?? repo;
  return name
    .toLowerCase()
    .replaceAll(/[^\w.-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
}

/** Of a setting as typed: JSON where it is JSON (numbers, lists), else the text itself. */
export function settingValue(text: string): RegisterModelRequest['settings'][string] {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
