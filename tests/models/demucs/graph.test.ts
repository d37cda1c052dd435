import { describe, expect, it } from 'vitest';
import type { OpenedSession, TensorInfo, TensorLike } from '../../../backend/src/audio/session.ts';
import { HTDEMUCS_SEGMENT, htdemucsGraph } from '../../../backend/src/models/demucs/htdemucs-graph.ts';
import { separate } from '../../../backend/src/models/demucs/separate.ts';
import { type BagMember, segmentModel } from '../../../backend/src/models/demucs/stem-model.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { DEMUCS_STEMS, sharingGraph, trackOf } from '../../support/demucs.ts';
import { seededUniform } from '../../support/seeded-weights.ts';

const signal = new AbortController().signal;

/** A session of such tensors; `run` makes what it is told to. */
function session(
  inputs: Record<string, TensorInfo['shape']>,
  outputs: Record<string, TensorInfo['shape']>,
  run: (feeds: Record<string, TensorLike>) => Record<string, TensorLike> = () => ({}),
): OpenedSession {
  const infos = (tensors: Record<string, TensorInfo['shape']>) =>
    Object.entries(tensors).map(([name, shape]) => ({ name, type: 'float32', shape }));
  return {
    inputs: infos(inputs),
    outputs: infos(outputs),
    tensor: (type: string, data: TensorLike['data'], dims: readonly number[]) => ({ type, data, dims }),
    run: async (feeds) => run(feeds),
    release: async () => {},
  };
}

describe('an exported HTDemucs', () => {
  it.each([
    ['StemSplitio’s', 4, HTDEMUCS_SEGMENT, 'mix', 'stems'],
    ['smank’s', 4, HTDEMUCS_SEGMENT, 'mix', 'sources'],
    ['one of six stems', 6, HTDEMUCS_SEGMENT, 'input', 'output'],
    ['one of any length', 4, 'samples', 'mix', 'stems'],
  ] as const)('separates a track whole, with names and shapes as in %s', async (_, stems, length, input, output) => {
    const opened = await openSession(sharingGraph(stems, 1 / 4, length, [input, output]), {
      threads: 1,
      device: 'cpu',
    });
    const graph = htdemucsGraph(opened, stems);
    expect(graph).toMatchObject({ size: 343_980, stems });
    const names = Array.from({ length: stems }, (_, i) => `stem ${i}`);
    const frames = 400_001;
    const pcm = Float32Array.from(seededUniform('share', 2 * frames));
    const mean = pcm.reduce((sum, sample) => sum + sample, 0) / pcm.length;
    let at = 0;
    let furthest = 0;
    const model = segmentModel([{ graph, makes: names }], names);
    for await (const block of separate(trackOf(pcm), model, { signal })) {
      for (const stem of block) {
        for (let i = 0; i < stem.length; i += 1) {
          const wanted = ((pcm[at + i] ?? 0) - mean) / 4 + mean;
          furthest = Math.max(furthest, Math.abs((stem[i] ?? Number.NaN) - wanted));
        }
      }
      at += block[0]?.length ?? 0;
    }
    expect(at).toBe(2 * frames);
    expect(furthest).toBeLessThan(1e-6);
    await graph.release();
  });

  it('with its transform outside is found by its shapes, in whatever order', () => {
    const wave = [1, 2, 343_980];
    const spectrogram = [1, 4, 2048, 336];
    const [freq, time] = [
      [1, 4, 4, 2048, 336],
      [1, 4, 2, 343_980],
    ];
    const size = 343_980;
    expect(htdemucsGraph(session({ input: wave, x: spectrogram }, { output: freq, add_67: time }), 4).size).toBe(size);
    expect(htdemucsGraph(session({ mag: spectrogram, mix: wave }, { time, freq }), 4).size).toBe(size);
    const open = session({ mix: ['b', 2, 'n'], mag: ['b', 4, 2048, 't'] }, { freq: ['b', 4, 4, 2048, 't'], time });
    expect(htdemucsGraph(open, 4).size).toBe(size);
  });

  it.each([
    ['another number of stems', { mix: [1, 2, 343_980] }, { stems: [1, 6, 2, 343_980] }],
    ['mono', { mix: [1, 1, 343_980] }, { stems: [1, 4, 2, 343_980] }],
    ['another length going out', { mix: [1, 2, 343_980] }, { stems: [1, 4, 2, 300_000] }],
    ['no waveform', { mag: [1, 4, 2048, 336] }, { freq: [1, 4, 4, 2048, 336] }],
    [
      'a spectrogram of another hop',
      { mix: [1, 2, 343_980], mag: [1, 4, 2048, 672] },
      { freq: [1, 4, 4, 2048, 672], time: [1, 4, 2, 343_980] },
    ],
    ['one branch missing', { mix: [1, 2, 343_980], mag: [1, 4, 2048, 336] }, { time: [1, 4, 2, 343_980] }],
  ])('is refused with its shapes: %s', (_, inputs, outputs) => {
    expect(() => htdemucsGraph(session(inputs, outputs), 4)).toThrow(
      /no HTDemucs of 4 stems: it takes \w+ float32\[1,/,
    );
  });

  it('that gives something else than it declares is an error, not noise', async () => {
    const declared = session({ mix: [1, 2, 1000] }, { stems: [1, 4, 2, 1000] }, () => ({
      stems: { type: 'float32', dims: [1, 4, 2, 999], data: new Float32Array(4 * 2 * 999) },
    }));
    await expect(htdemucsGraph(declared, 4).run(new Float32Array(2000), [0])).rejects.toThrow(
      /\[1,4,2,999\], not 8000/,
    );
  });
});

describe('a bag of models', () => {
  const runs: string[] = [];
  /** Fine-tuned members: each makes all four stems, numbered 1 to 4 and marked with its own tens. */
  const bag: BagMember[] = DEMUCS_STEMS.map((keeps, member) => ({
    makes: DEMUCS_STEMS,
    keeps: [keeps],
    graph: {
      size: 10,
      stems: 4,
      async run(_, wanted) {
        runs.push(keeps);
        return Float32Array.from(wanted.flatMap((stem) => new Array<number>(20).fill(10 * (member + 1) + stem + 1)));
      },
      release: async () => {},
    },
  }));

  it('takes each stem from the member that is good at it, and runs only those', async () => {
    runs.length = 0;
    const made = await segmentModel(bag, ['vocals', 'bass']).run(new Float32Array(20), signal);
    expect([...made]).toEqual([...new Array<number>(20).fill(44), ...new Array<number>(20).fill(22)]);
    expect(runs.sort()).toEqual(['bass', 'vocals']);
  });

  it('stops between members when it is cancelled', async () => {
    runs.length = 0;
    const controller = new AbortController();
    const members = bag.map((member) => ({
      ...member,
      graph: {
        ...member.graph,
        run: (segment: Float32Array, wanted: readonly number[]) => {
          controller.abort(new Error('gone'));
          return member.graph.run(segment, wanted);
        },
      },
    }));
    await expect(segmentModel(members, DEMUCS_STEMS).run(new Float32Array(20), controller.signal)).rejects.toThrow(
      'gone',
    );
    expect(runs).toHaveLength(1);
  });

  it('refuses stems that nobody makes, or several, and members of different lengths', () => {
    expect(() => segmentModel(bag, ['piano'])).toThrow(/cannot make each of piano/);
    expect(() => segmentModel([...bag, ...bag], ['bass'])).toThrow(/cannot make each of bass once/);
    const [first, second] = bag as [BagMember, BagMember];
    const longer = { ...second, graph: { ...second.graph, size: 11 } };
    expect(() => segmentModel([first, longer], ['drums', 'bass'])).toThrow(/different lengths/);
  });
});
