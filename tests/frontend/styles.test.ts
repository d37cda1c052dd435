/** A Mantine component whose styles are missing looks broken and says nothing. */
import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const SOURCE = join(ROOT, 'frontend/src');
const STYLES = join(ROOT, 'node_modules/@mantine/core/styles');

test('every Mantine component in use has its styles on the page', async () => {
  const used = new Set<string>();
  const imported = new Set<string>();
  for await (const file of glob('**/*.{ts,tsx}', { cwd: SOURCE })) {
    const source = await readFile(join(SOURCE, file), 'utf8');
    for (const [, names = ''] of source.matchAll(/import \{([^}]*)\} from '@mantine\/core'/g)) {
      for (const name of names.split(',')) used.add(name.trim());
    }
    for (const [, name = ''] of source.matchAll(/import '@mantine\/core\/styles\/(\w+)\.css'/g)) imported.add(name);
  }
  expect(used.size).toBeGreaterThan(10);
  const missing = [...used].filter((name) => existsSync(join(STYLES, `${name}.css`)) && !imported.has(name));
  expect(missing).toEqual([]);
});
