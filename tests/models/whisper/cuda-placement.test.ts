/** What the graph with the loop inside costs on CUDA in copies between memories, told from its nodes alone. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prepareLoop } from '../../../backend/src/models/whisper/prepare-loop.ts';
import { writeWhisperShape } from '../../fixtures/whisper/shapes/write-shape.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { placeOnCuda } from '../../tools/parity/cuda-placement.ts';
import { type GraphStructure, readStructure, type StructureNode } from '../../tools/parity/graph-structure.ts';
import { shapeLoop } from '../../tools/parity/shape-model.ts';
import { decoderGraphs, openTinyWhisper } from '../../tools/parity/tiny-whisper.ts';

function expectNoCopies(path: string) {
  const { graph, opset } = readStructure(path);
  const [outer, ...inner] = placeOnCuda(graph, opset);
  expect(inner.map(({ where }) => where)).toEqual([
    'if then_branch',
    'if else_branch',
    'loop body',
    'loop body, if then_branch',
    'loop body, if else_branch',
  ]);
  // Whether to go on, once, before the loop.
  expect(outer).toMatchObject({ lacking: [], copies: [expect.stringMatching(/Less.* -> cpu Loop loop$/)] });
  for (const { where, lacking, copies } of inner)
    expect({ where, lacking, copies }).toEqual({ where, lacking: [], copies: [] });
  // The count of steps goes in and the condition comes out: a loop has no other way.
  const body = inner.find(({ where }) => where === 'loop body');
  expect(body?.fed).toEqual(['body/iteration: cpu -> cuda', expect.stringMatching(/^body\/Less.*: cuda -> cpu$/)]);
  expect(body?.onCuda).toBeGreaterThan(200);
}

describe('on CUDA no step of the loop copies between memories', () => {
  it.each(['multilingual', 'en', 'timestamped'] as const)('%s, float32', async (kind) => {
    const model = await openTinyWhisper(kind, await tempDir());
    const derived = join(model.dir, 'derived');
    await mkdir(derived);
    const { loop } = await prepareLoop(decoderGraphs(model), model.layout, async () => derived);
    expectNoCopies(loop);
    await model.release();
  });

  it('of real size, float16', async () => {
    const model = await tempDir();
    await writeWhisperShape('tiny', model, { graphs: ['decoder_model_fp16', 'decoder_with_past_model_fp16'] });
    expectNoCopies(await shapeLoop(model, '_fp16'));
  });
});

describe('the placement', () => {
  const node = (opType: string, inputs: string[], outputs: string[], to?: number): StructureNode => ({
    opType,
    domain: '',
    name: opType,
    inputs,
    outputs,
    integers: new Map(to === undefined ? [] : [['to', to]]),
    value: undefined,
    graphs: new Map(),
  });
  const graph = (type: string, ...nodes: StructureNode[]): GraphStructure => ({
    nodes,
    initializers: new Map([['one', { type: 'int64', count: 1 }]]),
    inputs: [{ name: 'x', type }],
    outputs: [],
  });
  const placed = (of: GraphStructure) => placeOnCuda(of, 14)[0];

  it('names what has no kernel, and the copies to and from it', () => {
    const outcome = placed(
      graph('bool', node('Not', ['x'], ['a']), node('Where', ['a', 'x', 'x'], ['b']), node('And', ['a', 'b'], ['c'])),
    );
    expect(outcome).toMatchObject({ lacking: ['Where(bool, bool, bool) Where'], onCpu: 1, onCuda: 2 });
    expect(outcome?.copies).toEqual([
      'x: read by cpu Where Where and cuda Not Not',
      'a: Not Not -> cpu Where Where',
      'b: Where Where -> cuda And And',
    ]);
  });

  it('leaves on the CPU what follows from a shape, until it meets a tensor', () => {
    const sized = [node('Shape', ['x'], ['s']), node('Gather', ['s', 'one'], ['n']), node('Add', ['n', 'one'], ['m'])];
    expect(placed(graph('float32', ...sized, node('Range', ['m', 'm', 'one'], ['r'])))).toMatchObject({
      copies: [],
      onCpu: 2,
    });
    expect(
      placed(graph('int64', ...sized, node('Mul', ['x', 'x'], ['t']), node('Gather', ['t', 'm'], ['y'])))?.copies,
    ).toEqual(['m: Add Add -> cuda Gather Gather']);
  });

  it('knows element types: a reduction of 64-bit numbers has a kernel, the largest of them has none', () => {
    expect(placed(graph('int64', node('ReduceMin', ['x'], ['a'])))?.lacking).toEqual([]);
    expect(placed(graph('float32', node('Cast', ['x'], ['i'], 7), node('ArgMax', ['i'], ['a'])))?.lacking).toEqual([
      'ArgMax(int64) ArgMax',
    ]);
  });
});
