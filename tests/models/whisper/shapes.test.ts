/** The loop put into a decoder of a real size, its weights outside the graphs as those of the large models. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { readOnnxFile } from '../../../backend/src/models/onnx-file.ts';
import { writeWhisperShape } from '../../fixtures/whisper/shapes/write-shape.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { shapeLoop } from '../../tools/parity/shape-model.ts';
import { checkShape, faultsOf } from '../../tools/parity/whisper-shapes.ts';

it('links to external data, needs little memory, and writes the tokens that the step loop writes', async () => {
  const outcome = await checkShape('tiny', '', await tempDir(), { externalData: true, encoder: false });
  expect(faultsOf(outcome)).toEqual([]);
  expect(outcome).toMatchObject({ files: 1, links: 1, decoded: { tokens: 24, equal: true } });
  expect(outcome.graphBytes).toBeLessThan(500_000);
  expect(outcome.weightBytes).toBeGreaterThan(190_000_000);
});

it('points at float16 weights of half the size', async () => {
  const model = await tempDir();
  await writeWhisperShape('tiny', model, { graphs: ['decoder_model_fp16', 'decoder_with_past_model_fp16'] });
  const path = await shapeLoop(model, '_fp16');
  const weights = readOnnxFile(path).initializers.filter(({ stored }) => stored !== undefined);
  const count = weights.reduce((sum, { dims }) => sum + dims.reduce((product, size) => product * size, 1), 0);
  expect(weights.reduce((sum, { stored }) => sum + (stored?.length ?? 0), 0)).toBe(2 * count);
  const [linked = ''] = (await readdir(dirname(path))).filter((name) => name !== 'decoder_loop.onnx');
  const original = await stat(join(model, 'onnx/decoder_model_fp16.onnx'));
  expect((await stat(join(dirname(path), linked))).ino).toBe(original.ino);
});
