/** Speaker embedding graphs of the hub's layouts without the hub's weights; `tests/fixtures/pyannote` says how they were made. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { fillWeights, seededUniform } from './seeded-weights.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/pyannote', import.meta.url));

/**
 * `tiny`: 2 to 16 channels, 8 dimensions, of which PyTorch's results are known. `resnet34`: WeSpeaker's shape, random.
 * `stacked` and `deep` are `tiny` in other forms, with random weights. `plain` takes features alone, as onnx-community's and WeSpeaker's; `masked` masks too, as FinDIT's.
 */
export type SpeakerGraph = `${'tiny' | 'resnet34'}-${'plain' | 'masked'}` | 'tiny-stacked' | 'tiny-deep';

export async function speakerGraph(name: SpeakerGraph): Promise<Uint8Array> {
  return fillWeights(gunzipSync(await readFile(join(FIXTURES, `${name}.onnx.gz`))));
}

/** Writes the graph into `dir` and returns its path. */
export async function writeSpeakerGraph(name: SpeakerGraph, dir: string): Promise<string> {
  const path = join(dir, `${name}.onnx`);
  await writeFile(path, await speakerGraph(name));
  return path;
}

/** What PyTorch makes of `referenceFeatures` by the `tiny` graphs. */
export async function speakerReference(): Promise<{ masked: number[][]; plain: number[][] }> {
  return JSON.parse(await readFile(join(FIXTURES, 'embedding.json'), 'utf8'));
}

/** [998, 80] */
export function referenceFeatures(): Float32Array {
  return Float32Array.from(seededUniform('fbank', 998 * 80));
}

/** [4, 589]: half a window, turns, all of it, a handful of frames. */
export function referenceMasks(): Float32Array {
  const rows: ((frame: number) => boolean)[] = [
    (frame) => frame < 300,
    (frame) => Math.floor(frame / 40) % 3 === 0,
    () => true,
    (frame) => frame > 400 && frame < 420,
  ];
  return Float32Array.from({ length: 4 * 589 }, (_, i) => (rows[Math.floor(i / 589)]?.(i % 589) === true ? 1 : 0));
}
