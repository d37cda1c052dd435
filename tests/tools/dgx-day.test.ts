import { expect, it } from 'vitest';
import { seededRandom } from '../support/seeded-random.ts';
import { runDay } from './dgx-day/day.ts';
import { KINDS, scriptOf } from './dgx-day/script.ts';

it('whatever happens on a day, the accounts of every GPU are the driver’s in the end (npm run dgx-day for more)', async () => {
  const script = scriptOf(25, seededRandom(7));
  expect(new Set(script.map(({ kind }) => kind))).toEqual(new Set(KINDS));
  const { pass, table } = await runDay({ events: 25, seed: 7, hidesProcesses: false, say: () => {} });
  const wrong = table.slice(1).filter((row) => row.at(-1) !== 'ok');
  expect(wrong.map((row) => row.join(' | '))).toEqual([]);
  expect(pass).toBe(true);
}, 120_000);
