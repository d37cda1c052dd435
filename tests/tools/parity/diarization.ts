/**
 * Diarization's mathematics (PLDA, clustering, reconstruction) against the intermediate results of pyannote.audio, for
 * every folder of PARITY_FIXTURES.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { shared } from '../../support/shared.ts';
import { UsageError } from '../command-line.ts';
import type { BenchReport } from '../report.ts';
import { readDiarizationFixture, readPldaFolder } from './diarization-fixture.ts';
import { compareDiarization } from './diarization-stages.ts';

export async function run(): Promise<BenchReport> {
  const root = process.env.PARITY_FIXTURES ?? shared('diarization-parity');
  const weights = process.env.PLDA_WEIGHTS ?? shared('hub/FinDIT-Studio/dia-models');
  for (const [name, dir] of Object.entries({ PARITY_FIXTURES: root, PLDA_WEIGHTS: weights })) {
    if (!existsSync(dir)) throw new UsageError(`${name} is no folder: ${dir}`);
  }
  const plda = readPldaFolder(weights);
  const folders = readdirSync(root).filter((name) => existsSync(join(root, name, 'raw_embeddings.npz')));
  const columns: { folder: string; cells: string[]; failed: number }[] = [];
  const stages: string[] = [];
  for (const folder of folders.sort()) {
    const compared = await compareDiarization(readDiarizationFixture(join(root, folder)), plda);
    stages.splice(0, stages.length, ...compared.map(({ stage, limit }) => `${stage} (≤ ${limit})`));
    const wrong = compared.map(({ difference, limit }) => !(difference <= limit));
    columns.push({
      folder,
      cells: compared.map(({ difference }, at) => `${Number(difference.toPrecision(2))}${wrong[at] ? ' FAIL' : ''}`),
      failed: wrong.filter(Boolean).length,
    });
  }
  const failed = columns.reduce((sum, column) => sum + column.failed, 0);
  return {
    name: 'diarization',
    pass: failed === 0 && folders.length > 0,
    figures: { folders: folders.length, 'stages that differ': failed },
    table: [
      ['stage (limit)', ...columns.map(({ folder }) => folder)],
      ...stages.map((stage, at) => [stage, ...columns.map(({ cells }) => cells[at] ?? '')]),
    ],
  };
}
