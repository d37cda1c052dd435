import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES, GatewayError } from '../backend/src/errors.ts';
import { PROJECT_ROOT } from './support/shared.ts';

describe('doc/errors.md', () => {
  const text = readFileSync(join(PROJECT_ROOT, 'doc/errors.md'), 'utf8');
  const rows = new Map(
    [...text.matchAll(/^\| `(\w+)` \| (\d{3}) \| `(\w+)` \|/gm)].map(([, code, status, type]) => [
      code,
      `${status} ${type}`,
    ]),
  );

  it.each(ERROR_CODES)('describes %s with its status and type', (code) => {
    const error = new GatewayError(code, { message: 'x' });
    expect(rows.get(code)).toBe(`${error.status} ${error.type}`);
  });

  it('describes nothing that does not exist', () => {
    expect([...rows.keys()].sort()).toEqual([...ERROR_CODES].sort());
  });
});
