import { appendFile, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenedSession } from '../../../backend/src/audio/session.ts';
import { type GraphContext, openGraph } from '../../../backend/src/models/demucs/open-graph.ts';
import { rewriteGraph } from '../../../backend/src/models/demucs/rewrite-graph.ts';
import { readOnnxFile } from '../../../backend/src/models/onnx-file.ts';
import { graphFolding, openSession } from '../../../backend/src/worker/onnx.ts';
import { demucsGraph } from '../../support/demucs.ts';
import { seededUniform } from '../../support/seeded-weights.ts';
import { tempDir } from '../../support/temp-dir.ts';

let dir: string;
let published: Record<'inside' | 'outside', string>;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'audio-gateway-test-'));
  const write = async (variant: 'inside' | 'outside') => {
    await writeFile(join(dir, `${variant}.onnx`), await demucsGraph(variant));
    return join(dir, `${variant}.onnx`);
  };
  published = { inside: await write('inside'), outside: await write('outside') };
});

afterAll(() => rm(dir, { recursive: true, force: true }));

/** Of a worker with its derived files in `folder`, and what it does. */
async function worker(folder: string, device: 'cpu' | 'cuda' = 'cpu') {
  const heard: { opened: string[]; folded: number; logged: string[] } = { opened: [], folded: 0, logged: [] };
  const folding = await graphFolding(device);
  const context: GraphContext = {
    derivedFolder: async () => folder,
    openSession(graph, options = {}) {
      heard.opened.push(String(graph));
      return openSession(graph, { threads: 1, device: 'cpu', ...options });
    },
    folding: {
      ...folding,
      async fold(graph, target) {
        heard.folded += 1;
        await folding.fold(graph, target);
      },
    },
    log: (message) => heard.logged.push(message),
  };
  return { context, heard, folding: context.folding };
}

/** All that the graph makes of seeded inputs. */
async function resultsOf(session: OpenedSession): Promise<Float32Array[]> {
  const feeds = session.inputs.map(({ name, shape }) => {
    const dims = shape.map(Number);
    const values = seededUniform(
      `feed ${shape.length}`,
      dims.reduce((a, b) => a * b),
    );
    return [name, session.tensor('float32', Float32Array.from(values), dims)] as const;
  });
  const outputs = await session.run(Object.fromEntries(feeds));
  await session.release();
  return session.outputs.map(({ name }) => outputs[name]?.data as Float32Array);
}

function furthest(one: readonly Float32Array[], other: readonly Float32Array[]): number {
  expect(one.map(({ length }) => length)).toEqual(other.map(({ length }) => length));
  return Math.max(
    ...one.map((data, i) =>
      data.reduce((most, value, at) => Math.max(most, Math.abs(value - (other[i]?.[at] ?? NaN))), 0),
    ),
  );
}

describe('openGraph', () => {
  it.each(['inside', 'outside'] as const)('makes a graph that computes the same: transform %s', async (variant) => {
    const { context, heard } = await worker(await tempDir());
    const made = await resultsOf(await openGraph(context, published[variant]));
    const plain = await resultsOf(await openSession(published[variant], { threads: 1, device: 'cpu' }));
    expect(furthest(made, plain)).toBeLessThan(2e-6);
    expect(heard.logged).toEqual([]);
    expect(heard.opened[0]).toMatch(/htdemucs-[0-9a-f]{16}-v\d+\/htdemucs\.onnx$/);
  });

  it('keeps it for the next load, by source, runtime and kind of device', async () => {
    const folder = await tempDir();
    const first = await worker(folder);
    await (await openGraph(first.context, published.outside)).release();
    const again = await worker(folder);
    await (await openGraph(again.context, published.outside)).release();
    expect([first.heard.folded, again.heard.folded]).toEqual([1, 0]);
    expect(again.heard.opened).toEqual(first.heard.opened);

    await (await openGraph(again.context, published.inside)).release();
    const onGpu = await worker(folder, 'cuda');
    await (await openGraph(onGpu.context, published.outside)).release();
    const newer = await worker(folder);
    const folding = { fold: newer.context.folding?.fold ?? (async () => {}), runtime: '9.9.9 cpu' };
    await (await openGraph({ ...newer.context, folding }, published.outside)).release();
    expect([again.heard.folded, onGpu.heard.folded, newer.heard.folded]).toEqual([1, 1, 1]);
    expect(await readdir(folder)).toHaveLength(4);
    expect(again.folding?.runtime).toMatch(/^\d+\.\d+\.\d+ cpu$/);
  });

  it('is made by two workers at once without harm', async () => {
    const folder = await tempDir();
    const workers = await Promise.all([worker(folder), worker(folder)]);
    const sessions = await Promise.all(workers.map(({ context }) => openGraph(context, published.outside)));
    const [one = [], other = []] = [
      await resultsOf(sessions[0] as OpenedSession),
      await resultsOf(sessions[1] as OpenedSession),
    ];
    expect(furthest(one, other)).toBe(0);
    expect(await readdir(folder)).toHaveLength(1);
    expect(workers.flatMap(({ heard }) => heard.logged)).toEqual([]);
  });

  it.each(['folded.onnx', 'htdemucs.onnx'])('makes it anew where %s is torn', async (name) => {
    const folder = await tempDir();
    const { context, heard } = await worker(folder);
    await (await openGraph(context, published.outside)).release();
    const [made = ''] = await readdir(folder);
    const torn = join(folder, made, name);
    const { size } = await stat(torn);
    await truncate(torn, size >> 1);
    await (await openGraph(context, published.outside)).release();
    expect(heard.logged).toEqual(['the simplified graph cannot be opened and is removed']);
    expect(heard.folded).toBe(2);
    expect((await stat(torn)).size).toBe(size);
  });

  it('opens the published graph where it cannot be simplified, or there is no room for another', async () => {
    const { context, heard } = await worker(await tempDir());
    const full = { runtime: 'x', fold: () => Promise.reject(new Error('no space left on device')) };
    await (await openGraph({ ...context, folding: full }, published.outside)).release();
    expect(heard.opened).toEqual([published.outside]);
    expect(heard.logged).toEqual(['the graph runs as published, it could not be simplified']);
    const broken = join(await tempDir(), 'broken.onnx');
    await appendFile(broken, 'no graph');
    await expect(openGraph(context, broken)).rejects.toThrow();
  });
});

describe('rewriteGraph', () => {
  it('finds every attention, the normalisations of many rows and the gates behind a convolution', async () => {
    const { context } = await worker(await tempDir());
    const folded = join(await tempDir(), 'folded.onnx');
    await context.folding?.fold(published.outside, folded);
    const source = readOnnxFile(folded);
    const { graph, ...counts } = rewriteGraph(source);
    const count = (nodes: typeof source.nodes, opType: string) => nodes.filter((node) => node.opType === opType).length;
    expect(counts).toEqual({ attentions: count(source.nodes, 'Softmax'), normalizations: 16, gates: 16 });
    expect(counts.attentions).toBe(6);
    expect(count(graph.nodes, 'Softmax')).toBe(0);
  });

  it('leaves a graph without any of that as it is', async () => {
    const { context } = await worker(await tempDir());
    const folded = join(await tempDir(), 'folded.onnx');
    await context.folding?.fold(published.outside, folded);
    const source = readOnnxFile(folded);
    const nodes = source.nodes.filter(({ opType }) => opType === 'Transpose');
    const { graph, ...counts } = rewriteGraph({ ...source, nodes });
    expect(counts).toEqual({ attentions: 0, normalizations: 0, gates: 0 });
    expect(graph.outputs).toEqual(source.outputs);
  });
});
