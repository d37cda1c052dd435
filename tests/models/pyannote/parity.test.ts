/** PLDA, clustering and reconstruction against pyannote.audio's intermediate results. */
import { readdirSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import type { Plda } from '../../../backend/src/models/pyannote/clustering/plda.ts';
import { describeWithShared, shared } from '../../support/shared.ts';
import { readDiarizationFixture, readPldaFolder } from '../../tools/parity/diarization-fixture.ts';
import { compareDiarization } from '../../tools/parity/diarization-stages.ts';

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
