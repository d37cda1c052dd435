import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { OpenedSession, TensorLike } from '../../../backend/src/audio/session.ts';
import { type OnnxNode, readOnnxModel } from '../../../backend/src/models/transducer/onnx-graph.ts';
import { prepareEncoder } from '../../../backend/src/models/transducer/prepare-encoder.ts';
import { transcribePcm } from '../../../backend/src/models/transducer/transcribe.ts';
import { integerField, textField } from '../../../backend/src/models/wire.ts';
import { describeWithShared } from '../../support/shared.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { loadSmallModel, openOnOneThread, readWav, SPEECH, smallModel } from './support.ts';

const { snapshot, settings } = smallModel();
const SOURCE = join(snapshot, settings.encoder);

/**
 * The encoder as the hub has it: in the reference material's copy its six Concat nodes were made Identity, and the slice
 * of the last frame that each appended is still there, unused.
 */
async function encoderOfTheHub(folder: string): Promise<string> {
  const model = readOnnxModel(await readFile(SOURCE));
  const AttributeTypeInt = 2;
  const axis0 = Buffer.concat([textField(1, 'axis'), integerField(3, 0), integerField(20, AttributeTypeInt)]);
  const nodes = new Map<OnnxNode, OnnxNode[]>();
  for (const node of model.nodes) {
    const prefix = /^(\/downsample[^/]*)\/Concat_1_patched$/.exec(node.name)?.[1];
    if (prefix === undefined) continue;
    const inputs = [...node.inputs, `${prefix}/Slice_output_0`];
    nodes.set(node, [{ ...node, name: `${prefix}/Concat_1`, opType: 'Concat', inputs, attributes: [axis0] }]);
  }
  expect(nodes.size).toBe(6);
  const path = join(folder, settings.encoder);
  await writeFile(path, model.edited({ nodes }));
  return path;
}

/** One run on zeros; features are what they are for silence. */
async function runOnce(session: OpenedSession): Promise<Record<string, TensorLike>> {
  const feeds: Record<string, TensorLike> = {};
  for (const { name, type, shape } of session.inputs) {
    const dims = shape.map(Number);
    const size = dims.reduce((product, dim) => product * dim, 1);
    feeds[name] =
      type === 'int64'
        ? session.tensor('int64', new BigInt64Array(size), dims)
        : session.tensor(
            'float32',
            Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
            dims,
          );
  }
  return session.run(feeds);
}

describeWithShared('prepareEncoder', () => {
  it('makes the encoder of the hub run, which loads as it is and fails at its first run', async () => {
    const folder = await tempDir();
    const encoder = await encoderOfTheHub(folder);
    const asPublished = await openOnOneThread(encoder);
    await expect(runOnce(asPublished)).rejects.toThrow(/Reshape/);
    await asPublished.release();

    const derived = join(folder, 'derived');
    await mkdir(derived);
    const model = await loadSmallModel(derived, { encoder });
    const { text } = await transcribePcm(model, [readWav(join(SPEECH, 'jfk.wav'))]);
    await model.release();
    expect(text).toMatch(/^AND SO MY FELLOW AMERICANS? ASK NOT WHAT YOUR COUNTRY CAN DO FOR YOU/);
  });

  it('changes nothing but rounding: the derived graph computes what the source computes', async () => {
    const folder = await tempDir();
    const { path, metadata } = await prepareEncoder(SOURCE, async () => folder);
    expect(path).not.toBe(SOURCE);
    expect(metadata.get('decode_chunk_len')).toBe('32');
    const [source, derived] = [await openOnOneThread(SOURCE), await openOnOneThread(path)];
    const [expected, actual] = [await runOnce(source), await runOnce(derived)];
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    const difference = Array.from(expected.encoder_out?.data ?? [], Number).map((value, i) =>
      Math.abs(value - Number(actual.encoder_out?.data[i])),
    );
    expect(difference).toHaveLength(8 * 320);
    // Quantized products step by a level where a rounding differs.
    expect(Math.max(...difference)).toBeLessThan(0.05);
    await source.release();
    await derived.release();
  });

  it('finds the derived copy again, and makes another for other contents', async () => {
    const folder = await tempDir();
    const source = join(folder, settings.encoder);
    await copyFile(SOURCE, source);
    const derivedFolder = async (): Promise<string> => folder;
    const first = await prepareEncoder(source, derivedFolder);
    const written = await stat(first.path);
    const again = await prepareEncoder(source, derivedFolder);
    expect(again.path).toBe(first.path);
    expect((await stat(again.path)).ino).toBe(written.ino);

    await encoderOfTheHub(folder);
    expect((await prepareEncoder(source, derivedFolder)).path).not.toBe(first.path);
    expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('uses a graph that needs no edit as it is', async () => {
    const joiner = join(snapshot, settings.joiner);
    const refuse = async (): Promise<string> => {
      throw new Error('no derived folder was needed');
    };
    expect(await prepareEncoder(joiner, refuse)).toMatchObject({ path: joiner });
  });

  it('copies what it does not edit byte for byte', async () => {
    const bytes = await readFile(SOURCE);
    expect(bytes.equals(readOnnxModel(bytes).edited({ nodes: new Map() }))).toBe(true);
  });
});
