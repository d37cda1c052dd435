import { expect, it } from 'vitest';
import { describeWithShared } from '../support/shared.ts';
import { run } from '../tools/bench/long.ts';

describeWithShared('a long file in a worker', () => {
  it('keeps order, memory and cancels within bounds, and goes on elsewhere as if it had not stopped', async () => {
    const minutes = 2.4;
    const { pass, figures, table } = await run([String(minutes / 60)]);
    expect(table.filter((row) => row.at(-1) !== 'ok').slice(1)).toEqual([]);
    expect(pass).toBe(true);
    expect(figures.windows).toBeGreaterThan(4);
    expect(figures['cancel: request rejected after s, at most']).toBeGreaterThan(0);
  });
});
