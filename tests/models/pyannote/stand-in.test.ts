/** The stand-in for a speaker embedding, through the whole acoustic part: segmentation of the real model, masks, embeddings. */
import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { embedSpeakers } from '../../../backend/src/models/pyannote/embedding.ts';
import { type EmbeddingModel, openEmbeddingModel } from '../../../backend/src/models/pyannote/embedding-model.ts';
import { segmentAudio } from '../../../backend/src/models/pyannote/segmentation.ts';
import { slidingWindows } from '../../../backend/src/models/pyannote/sliding-windows.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { parityAudio, samplesOf } from '../../support/parity-clip.ts';
import { describeWithShared, shared } from '../../support/shared.ts';
import { standInEmbedding } from '../../support/stand-in-embedding.ts';
import { tempDir } from '../../support/temp-dir.ts';

const run = promisify(execFile);
const open = (graph: string | Uint8Array) => openSession(graph, { threads: 2, device: 'cpu' });

async function openStandIn(): Promise<EmbeddingModel> {
  const dir = await tempDir();
  const path = join(dir, 'stand-in.onnx');
  await writeFile(path, standInEmbedding());
  const log = (message: string, fields: unknown): never => {
    throw new Error(`${message} ${JSON.stringify(fields)}`);
  };
  return openEmbeddingModel({ openSession: open, derivedFolder: async () => dir, log }, path);
}

async function decode(path: string): Promise<Float32Array> {
  const args = ['-nostdin', '-v', 'error', '-i', path, '-ar', '16000', '-ac', '1', '-f', 's16le', '-'];
  const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 1 << 26 });
  return Float32Array.from({ length: stdout.length / 2 }, (_, i) => stdout.readInt16LE(2 * i) / 32_768);
}

function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0) / (Math.hypot(...a) * Math.hypot(...b));
}

interface Labelled {
  speaker: string;
  embedding: Float32Array;
}

/** Cosines of all pairs, of one speaker and of two. */
function pairs(all: readonly Labelled[]): { same: number[]; different: number[] } {
  const scores = { same: [] as number[], different: [] as number[] };
  for (const [i, one] of all.entries()) {
    for (const other of all.slice(i + 1)) {
      scores[one.speaker === other.speaker ? 'same' : 'different'].push(cosine(one.embedding, other.embedding));
    }
  }
  return scores;
}

/** The share of wrong decisions at the threshold where both kinds are equally likely. */
function equalErrorRate({ same, different }: { same: number[]; different: number[] }): number {
  const rates = [...same, ...different].map((threshold) => {
    const misses = same.filter((score) => score < threshold).length / same.length;
    const alarms = different.filter((score) => score >= threshold).length / different.length;
    return Math.max(misses, alarms);
  });
  return Math.min(...rates);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describeWithShared('the stand-in embedding', () => {
  it('tells the readers of LibriSpeech apart', async () => {
    const model = await openStandIn();
    expect([model.pooling, model.dimension]).toEqual(['shared', 256]);
    const folder = shared('audio/speakers');
    const all: Labelled[] = [];
    for (const name of (await readdir(folder)).filter((file) => file.endsWith('.flac'))) {
      const pcm = (await decode(join(folder, name))).subarray(0, 160_000);
      const frames = Math.floor((pcm.length / 160_000) * 589);
      const active = new Uint8Array(589 * 3);
      for (let frame = 0; frame < frames; frame += 1) active[frame * 3] = 1;
      const segmentation = { windows: slidingWindows(pcm.length), frames: 589, active };
      const { data } = await embedSpeakers(model, samplesOf(pcm), segmentation);
      all.push({ speaker: name.split('-')[0] ?? '', embedding: data.subarray(0, 256) });
    }
    await model.release();
    expect(all).toHaveLength(20);
    const scores = pairs(all);
    expect(equalErrorRate(scores)).toBe(0);
    expect(mean(scores.same) - mean(scores.different)).toBeGreaterThan(0.9);
  });

  it('tells the two of the telephone call apart, window by window', async () => {
    const pcm = parityAudio('02_pyannote_sample');
    const graph = await open(shared('hub/onnx-community/pyannote-segmentation-3.0/onnx/model.onnx'));
    const segmentation = await segmentAudio(graph, samplesOf(pcm));
    await graph.release();
    const model = await openStandIn();
    const { data, present } = await embedSpeakers(model, samplesOf(pcm), segmentation);
    await model.release();
    const turns = (await readFile(shared('audio/diarization/sample.rttm'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map((fields) => ({
        start: Number(fields[3]),
        end: Number(fields[3]) + Number(fields[4]),
        speaker: fields[7] ?? '',
      }));

    const all: Labelled[] = [];
    for (const [slot, is] of present.entries()) {
      if (is === 0) continue;
      const window = Math.floor(slot / 3);
      const votes = new Map<string, number>();
      for (let frame = 0; frame < 589; frame += 1) {
        if (segmentation.active[(window * 589 + frame) * 3 + (slot % 3)] !== 1) continue;
        const time = window + (495 + 270 * frame) / 16_000;
        const [turn] = turns.filter(({ start, end }) => time >= start && time < end);
        if (turn !== undefined) votes.set(turn.speaker, (votes.get(turn.speaker) ?? 0) + 1);
      }
      const [[speaker, most] = ['', 0]] = [...votes].sort((a, b) => b[1] - a[1]);
      // The segmentation takes both for one where they take turns quickly.
      if (most < 0.75 * [...votes.values()].reduce((sum, count) => sum + count, 0)) continue;
      all.push({ speaker, embedding: data.subarray(slot * 256, (slot + 1) * 256) });
    }
    expect(new Set(all.map(({ speaker }) => speaker)).size).toBe(2);
    const scores = pairs(all);
    expect(equalErrorRate(scores)).toBe(0);
    expect(mean(scores.same) - mean(scores.different)).toBeGreaterThan(1.5);
  });
});
