import { describe, expect, it } from 'vitest';
import { shiftOffsets } from '../../../backend/src/models/demucs/separate.ts';
import { type DemucsCase, demucsReference } from '../../support/demucs.ts';
import { differenceOf, errorOf, openDemucs, separateCase } from '../../tools/parity/separation-cases.ts';

const { cases } = await demucsReference();
/** The minute is for `npm run parity -- separation`. */
const short = cases.filter(({ frames }) => frames < 10 * 44_100);

const graphs = [await openDemucs('inside'), await openDemucs('outside')];

const named = (name: string): DemucsCase => {
  const found = cases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
};

describe('HTDemucs', () => {
  it.each(short.map((each) => [each.name, each] as const))('makes the reference’s stems: %s', async (_, expected) => {
    const [inside = [], outside = []] = await separateCase(expected, graphs);
    expect(errorOf(inside, expected)).toBeLessThan(1e-4);
    expect(errorOf(outside, expected)).toBeLessThan(1e-4);
    expect(differenceOf(inside, outside)).toBeLessThan(1e-4);
    expect(shiftOffsets(expected.shifts, expected.seed)).toEqual(expected.offsets);
  });

  it('makes of some stems what it makes of all, and the same with several segments in work', async () => {
    const expected = named('2.5 s, 1 shift');
    const [all = []] = await separateCase(expected, graphs.slice(0, 1));
    for (const graph of graphs) {
      const [some = []] = await separateCase(expected, [graph], { stems: ['other', 'drums'], parallel: 3 });
      expect(some).toHaveLength(2);
      const wanted = [all[2], all[0]].filter((stem) => stem !== undefined);
      expect(differenceOf(wanted, some)).toBeLessThan(1e-5);
    }
  });
});
