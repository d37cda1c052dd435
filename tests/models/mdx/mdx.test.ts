import { describe, expect, it } from 'vitest';
import type { StereoSource } from '../../../backend/src/audio/stereo-file.ts';
import { MDX_MODELS, mdxGraph } from '../../../backend/src/models/mdx/mdx-graph.ts';
import { type MdxModel, type MdxOptions, separateInTwo } from '../../../backend/src/models/mdx/separate.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { trackOf } from '../../support/demucs.ts';
import { oneNodeGraph } from '../../support/one-node-graph.ts';
import { seededUniform } from '../../support/seeded-weights.ts';

const signal = new AbortController().signal;

async function separated(track: StereoSource, model: MdxModel, options: Partial<MdxOptions> = {}) {
  const made: [number[], number[]] = [[], []];
  for await (const blocks of separateInTwo(track, model, { signal, ...options })) {
    for (const [i, block] of blocks.entries()) for (const sample of block) made[i]?.push(sample);
  }
  return { primary: Float32Array.from(made[0]), other: Float32Array.from(made[1]) };
}

const furthest = (one: Float32Array, other: Float32Array): number =>
  one.length === other.length
    ? one.reduce((most, sample, i) => Math.max(most, Math.abs(sample - (other[i] ?? Number.NaN))), 0)
    : Number.POSITIVE_INFINITY;

/** [frames, 2] Two tones that swell and fade: nothing near 0 Hz or half the rate. */
function tones(frames: number, gain = 0.4): Float32Array {
  return Float32Array.from({ length: 2 * frames }, (_, i) => {
    const at = Math.floor(i / 2);
    const tone = Math.sin(0.1 * at) + (i % 2 === 0 ? 1 : -0.5) * Math.sin(0.5 * at);
    return gain * Math.sin((Math.PI * at) / frames) ** 2 * tone;
  });
}

/** A graph that gives back what it takes, negated for `Neg`. */
const echo = async (opType: 'Identity' | 'Neg', bins: number, columns: number | string) => {
  const shape = ['batch', 4, bins, columns];
  const bytes = oneNodeGraph(opType, { input: { type: 'float32', shape } }, shape);
  return openSession(bytes, { threads: 1, device: 'cpu' });
};

describe('an MDX-Net that predicts all it hears', () => {
  // Within 1e-3: where a segment cuts a tone off, some of it sounds in the lowest frequencies, which are left out.
  it.each([
    ['UVR-MDX-NET-Inst_HQ_3', 3072, 256, 300_001],
    ['UVR-MDX-NET-Voc_FT', 3072, 'columns', 70_000],
    ['UVR_MDXNET_KARA_2', 2048, 16, 50_000],
  ] as const)(
    'gives back the track, and leaves the rest what compensation takes (%s)',
    async (name, bins, columns, frames) => {
      const { fft, compensate, stems } = MDX_MODELS[name] ?? { fft: 0, compensate: 0, stems: [] };
      expect([...stems].sort()).toEqual(['instrumental', 'vocals']);
      const graph = mdxGraph(await echo('Identity', bins, columns), { fft });
      expect(graph.size).toBe(columns === 16 ? 15_360 : 261_120);
      const pcm = tones(frames);
      const { primary, other } = await separated(trackOf(pcm), { size: graph.size, fft, compensate, run: graph.run });
      expect(
        furthest(
          primary,
          pcm.map((sample) => sample * compensate),
        ),
      ).toBeLessThan(1e-3);
      expect(
        furthest(
          other,
          pcm.map((sample) => sample * (1 - compensate)),
        ),
      ).toBeLessThan(1e-3);
      await graph.release();
    },
  );

  it('hears nothing of the three lowest frequencies, and of those above dim_f', async () => {
    const graph = mdxGraph(await echo('Identity', 100, 16), { fft: 5120 });
    const frames = graph.size;
    const hum = Float32Array.from({ length: 2 * frames }, () => 0.5);
    const hiss = Float32Array.from({ length: 2 * frames }, (_, i) => 0.5 * (-1) ** Math.floor(i / 2));
    for (const sound of [hum, hiss]) {
      const planar = await trackOf(sound).read(0, frames);
      expect(furthest(await graph.run(planar), new Float32Array(2 * frames))).toBeLessThan(1e-5);
    }
  });

  it('can be asked upside down too, which leaves the odd part of what it does', async () => {
    const session = await echo('Neg', 2048, 16);
    const noisy = {
      ...session,
      async run(feeds: Parameters<typeof session.run>[0]) {
        const made = await session.run(feeds);
        const y = made.y;
        if (!(y?.data instanceof Float32Array)) throw new Error('no floats');
        return { y: { ...y, data: y.data.map((value) => value + 1000) } };
      },
    };
    const pcm = await trackOf(tones(15_360)).read(0, 15_360);
    const [plain, clean] = [
      await mdxGraph(noisy, { fft: 5120 }).run(pcm),
      await mdxGraph(noisy, { fft: 5120, denoise: true }).run(pcm),
    ];
    const wanted = pcm.map((sample) => -sample);
    expect(furthest(clean, wanted)).toBeLessThan(1e-3);
    expect(furthest(plain, wanted)).toBeGreaterThan(0.1);
  });

  it('is refused when it is another graph, or of a larger transform', async () => {
    const session = await echo('Identity', 3072, 256);
    expect(() => mdxGraph(session, { fft: 5120 })).toThrow(/n_fft 5120: it takes \[batch,4,3072,256\]/);
    const other = oneNodeGraph('Identity', { x: { type: 'float32', shape: [1, 2, 'n'] } }, [1, 2, 'n']);
    const opened = await openSession(other, { threads: 1, device: 'cpu' });
    expect(() => mdxGraph(opened, { fft: 5120 })).toThrow(/no MDX-Net/);
  });
});

describe('separateInTwo', () => {
  const SIZE = 1000;
  const FFT = 200;
  /** What it makes depends on where in the segment a sample lies. */
  const model: MdxModel = {
    size: SIZE,
    fft: FFT,
    compensate: 1.02,
    run: async (segment) => segment.map((sample, i) => sample * (1 + (i % SIZE) / SIZE)),
  };

  it.each([1, 99, 500, 799, 800, 801, 1000, 1500, 2400, 5000, 7777])(
    'makes of %i frames what audio-separator makes',
    async (frames) => {
      for (const [overlap, loud] of [
        [0.25, 1],
        [0, 1],
        [0.5, 4],
      ] as const) {
        const pcm = Float32Array.from(seededUniform(`mdx/${frames}`, 2 * frames), (value) => 0.8 * loud * value);
        const { primary, other } = await separated(trackOf(pcm), model, { overlap, parallel: 2 });
        const wanted = await separateWhole(pcm, overlap);
        expect(furthest(primary, wanted)).toBeLessThan(2e-6 * loud);
        expect(
          furthest(
            other,
            pcm.map((sample, i) => sample - (wanted[i] ?? 0)),
          ),
        ).toBeLessThan(2e-6 * loud);
      }
    },
  );

  it('ends with the signal, while a segment is in work', async () => {
    const controller = new AbortController();
    const hanging: MdxModel = {
      ...model,
      run: () => {
        setImmediate(() => controller.abort('gone'));
        return new Promise(() => {});
      },
    };
    const work = separated(trackOf(new Float32Array(20_000)), hanging, { signal: controller.signal });
    await expect(work).rejects.toBe('gone');
  });

  /** mdx_separator.py's `demix` over a track in one piece, in float64, turned down and up again. */
  async function separateWhole(pcm: Float32Array, overlap: number): Promise<Float32Array> {
    const frames = pcm.length / 2;
    const peak = pcm.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    const gain = peak > 0.9 ? 0.9 / peak : 1;
    const trim = FFT / 2;
    const useful = SIZE - 2 * trim;
    const length = trim + frames + useful + trim - (frames % useful);
    const mixture = (channel: number, at: number) =>
      at < trim || at >= trim + frames ? 0 : (pcm[2 * (at - trim) + channel] ?? 0) * gain;
    const result = [new Float64Array(length), new Float64Array(length)];
    const divider = new Float64Array(length);
    const step = Math.floor((1 - overlap) * SIZE);
    for (let start = 0; start < length; start += step) {
      const actual = Math.min(SIZE, length - start);
      const segment = new Float32Array(2 * SIZE);
      for (let i = 0; i < actual; i += 1) {
        for (const channel of [0, 1]) segment[channel * SIZE + i] = mixture(channel, start + i);
      }
      const made = await model.run(segment, signal);
      for (let i = 0; i < actual; i += 1) {
        const hann = actual === 1 ? 1 : 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (actual - 1));
        const weight = overlap === 0 ? 1 : hann;
        divider[start + i] = (divider[start + i] ?? 0) + weight;
        for (const [channel, sum] of result.entries()) {
          sum[start + i] = (sum[start + i] ?? 0) + weight * (made[channel * SIZE + i] ?? 0);
        }
      }
    }
    return Float32Array.from(pcm, (_, i) => {
      const at = trim + Math.floor(i / 2);
      return ((result[i % 2]?.[at] ?? 0) / (divider[at] ?? 0)) * (model.compensate / gain);
    });
  }
});
