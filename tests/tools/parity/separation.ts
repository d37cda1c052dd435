/** HTDemucs' stems against those of the reference implementation, with the Fourier transform inside and outside the graph. */
import { demucsReference } from '../../support/demucs.ts';
import type { BenchReport } from '../report.ts';
import { differenceOf, errorOf, openDemucs, separateCase } from './separation-cases.ts';

/** Of samples whose full scale is 1. */
export const LIMIT = 1e-4;

export async function run(): Promise<BenchReport> {
  const { cases } = await demucsReference();
  const graphs = await Promise.all((['inside', 'outside'] as const).map(openDemucs));
  const rows: { name: string; errors: number[] }[] = [];
  for (const expected of cases) {
    const [inside = [], outside = []] = await separateCase(expected, graphs);
    const errors = [errorOf(inside, expected), errorOf(outside, expected), differenceOf(inside, outside)];
    rows.push({ name: expected.name, errors });
  }
  for (const graph of graphs) await graph.release();
  const cell = (error: number) => `${error.toExponential(1)}${error <= LIMIT ? '' : ' FAIL'}`;
  const largest = Math.max(...rows.flatMap(({ errors }) => errors));
  return {
    name: 'separation',
    pass: rows.length > 0 && largest <= LIMIT,
    figures: { cases: rows.length, 'largest difference': largest.toExponential(1), limit: LIMIT },
    table: [
      ['track', 'inside − reference', 'outside − reference', 'inside − outside'],
      ...rows.map(({ name, errors }) => [name, ...errors.map(cell)]),
    ],
  };
}
