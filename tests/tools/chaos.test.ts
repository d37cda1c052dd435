import { expect, it } from 'vitest';
import { runChaos } from './chaos/chaos.ts';

it('kills of gateway, worker and database lose no acknowledged job and do none twice (npm run chaos for more)', async () => {
  const { pass, figures, table } = await runChaos({ rounds: 6, seed: 2, say: () => {} });
  expect(table.slice(1).filter((row) => row.at(-1) !== 'ok')).toEqual([]);
  expect(pass).toBe(true);
  const killed = ['gateway', 'worker', 'postgres'].map((victim) => Number(figures[`${victim} killed`]));
  // A worker may happen not to be there.
  expect(killed.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(4);
}, 240_000);
