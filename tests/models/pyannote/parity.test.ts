/** PLDA, clustering and reconstruction against pyannote.audio's intermediate results. */
import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Plda } from '../../../backend/src/models/pyannote/clustering/plda.ts';
import { describeWithShared, shared } from '../../support/shared.ts';
import { readDiarizationFixture, readPldaFolder } from '../../tools/parity/diarization-fixture.ts';
import { compareDiarization } from '../../tools/parity/diarization-stages.ts';
import { exactDer } from '../../tools/parity/exact-der.ts';

describeWithShared('pyannote.audio 4.0.4, community-1', () => {
  const root = shared('diarization-parity');
  let plda: Plda;
  beforeAll(() => {
    plda = readPldaFolder(shared('hub/FinDIT-Studio/dia-models'));
  });

  it.each(readdirSync(root))('%s: equal in every stage', async (folder) => {
    const compared = await compareDiarization(readDiarizationFixture(`${root}/${folder}`), plda);
    expect(compared.filter(({ difference, limit }) => !(difference <= limit))).toEqual([]);
    expect(compared).toHaveLength(14);
  });

  it('tells where something is not equal', async () => {
    const fixture = readDiarizationFixture(`${root}/02_pyannote_sample`);
    const failing = async (changed: Partial<typeof fixture>) =>
      (await compareDiarization({ ...fixture, ...changed }, plda))
        .filter(({ difference, limit }) => !(difference <= limit))
        .map(({ stage }) => stage);
    expect(await failing({ ahcLabels: fixture.ahcLabels.map((label) => 3 - label) })).toEqual(['AHC labels']);
    expect(await failing({ plda: fixture.plda.map((value) => value + 1e-5) })).toEqual(['PLDA']);
    expect(await failing({ assigned: fixture.assigned.with(1, 1) })).toContain('clusters');
    expect(await failing({ turns: fixture.turns.slice(0, -1) })).toEqual(['DER, collar 0']);
  });
});

describe('the error rate it uses', () => {
  const turn = (speaker: string, start: number, end: number) => ({ speaker, start, end });

  it('is 0 for other names of the same speakers', () => {
    const reference = [turn('a', 0, 2), turn('b', 1, 3)];
    expect(exactDer(reference, [turn('x', 1, 3), turn('y', 0, 2)])).toBe(0);
    expect(exactDer([], [])).toBe(0);
  });

  it('adds missed speech, false alarms and confusion', () => {
    const reference = [turn('a', 0, 4), turn('b', 4, 8), turn('a', 6, 8)]; // 10 s of speech
    expect(exactDer(reference, [turn('x', 0, 4), turn('y', 4, 8)])).toBeCloseTo(0.2, 12);
    expect(exactDer(reference, [turn('x', 0, 4), turn('y', 4, 8), turn('x', 6, 9)])).toBeCloseTo(0.1, 12);
    expect(exactDer(reference, [turn('x', 0, 5), turn('y', 5, 8), turn('x', 6, 8)])).toBeCloseTo(0.1, 12);
  });
});
