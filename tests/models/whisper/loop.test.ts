/** The decoder with its loop inside the graph: how it is made and kept, and what it does beyond greedy text. */
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readOnnxFile } from '../../../backend/src/models/onnx-file.ts';
import type { WhisperDecoder } from '../../../backend/src/models/whisper/decoder.ts';
import { openDecoder } from '../../../backend/src/models/whisper/open-decoder.ts';
import { prepareLoop } from '../../../backend/src/models/whisper/prepare-loop.ts';
import { type ReferenceCase, readBeamReference, readWhisperReference } from '../../fixtures/whisper/reference.ts';
import type { FixtureOptions, WhisperKind } from '../../support/seeded-weights.ts';
import { tempDir } from '../../support/temp-dir.ts';
import {
  decoderGraphs,
  openGraph,
  openLoopDecoder,
  openStepDecoder,
  openTinyWhisper,
  type TinyWhisper,
} from '../../tools/parity/tiny-whisper.ts';
import { compareCases } from '../../tools/parity/whisper-cases.ts';

const NEVER = new AbortController().signal;
const NAMES = { decoder: 'onnx/decoder_model.onnx', decoderWithPast: 'onnx/decoder_with_past_model.onnx' };

async function withModel(kind: WhisperKind, use: (model: TinyWhisper) => Promise<void>, options?: FixtureOptions) {
  const model = await openTinyWhisper(kind, await tempDir(), options);
  try {
    await use(model);
  } finally {
    await model.release();
  }
}

async function prepare(model: TinyWhisper): Promise<string> {
  const derived = join(model.dir, 'derived');
  await mkdir(derived, { recursive: true });
  const { loop } = await prepareLoop(decoderGraphs(model), model.layout, async () => derived);
  return loop;
}

async function someCases(kind: WhisperKind, count: number): Promise<ReferenceCase[]> {
  return (await readWhisperReference()).cases.filter((item) => item.kind === kind && item.suppress).slice(0, count);
}

async function decodeAll(model: TinyWhisper, decoder: WhisperDecoder, cases: ReferenceCase[], temperature = 0) {
  const made = [];
  for (const [index, item] of cases.entries()) {
    const { timestamps, prompt } = item;
    const rows = [await model.encode(item)];
    const request = {
      rows,
      prompts: [prompt],
      timestamps,
      maxNewTokens: 60,
      temperature,
      seeds: [index],
      signal: NEVER,
    };
    made.push(...(await decoder.decode(request)));
  }
  return made;
}

describe('the rewritten graph', () => {
  it('holds no weights, and lies beside hard links to the files that do', () =>
    withModel('multilingual', async (model) => {
      const path = await prepare(model);
      expect((await stat(path)).size).toBeLessThan(300_000);
      const original = join(model.dir, 'onnx/decoder_model.onnx');
      expect((await stat(join(path, '..', 'decoder_model.onnx'))).ino).toBe((await stat(original)).ino);
      // Most of the step's weights are the prompt's too, and are loaded once.
      const own = readOnnxFile(path).initializers.filter(({ stored }) => stored !== undefined);
      expect(new Set(own.map(({ stored }) => stored?.location))).toEqual(new Set(['decoder_model.onnx']));
    }));

  it('points at external data where the weights lie outside', () =>
    withModel(
      'en',
      async (model) => {
        const path = await prepare(model);
        const files = await readdir(join(path, '..'));
        expect(files.sort()).toEqual(['decoder_loop.onnx', 'decoder_model.onnx_data']);
        const cases = await someCases('en', 6);
        const made = await decodeAll(model, await openLoopDecoder(model), cases);
        expect(made.map(({ tokens }) => tokens)).toEqual(
          cases.map(({ tokens, end }) => (end === 'eot' ? tokens.slice(0, -1) : tokens)),
        );
      },
      { externalData: true },
    ));

  it('is made once, and anew for other weights', () =>
    withModel('en', async (model) => {
      const path = await prepare(model);
      const { mtimeMs } = await stat(path);
      expect(await prepare(model)).toBe(path);
      expect((await stat(path)).mtimeMs).toBe(mtimeMs);
      const source = join(model.dir, 'onnx/decoder_model.onnx');
      const bytes = await readFile(source);
      bytes.writeFloatLE(0.5, decoderGraphs(model).prefill.file.initializers[0]?.stored?.offset ?? 0);
      await rm(source);
      await writeFile(source, bytes);
      expect(await prepare(model)).not.toBe(path);
    }));

  it('is made once by many at a time', () =>
    withModel('en', async (model) => {
      const paths = await Promise.all(Array.from({ length: 4 }, () => prepare(model)));
      expect(new Set(paths).size).toBe(1);
      expect(await readdir(join(model.dir, 'derived'))).toHaveLength(1);
      await (await openLoopDecoder(model)).release();
    }));
});

describe('the loop', () => {
  it('draws the tokens that the step loop draws from the same seed', () =>
    withModel('timestamped', async (model) => {
      const cases = await someCases('timestamped', 20);
      const loop = await decodeAll(model, await openLoopDecoder(model), cases, 0.6);
      const step = await decodeAll(model, await openStepDecoder(model, 'pair'), cases, 0.6);
      const equal = loop.filter(({ tokens }, index) => tokens.join() === step[index]?.tokens.join());
      // A draw may fall between sums that float32 and float64 round apart: about one in two thousand.
      expect(equal.length).toBeGreaterThanOrEqual(17);
      const greedy = await decodeAll(model, await openLoopDecoder(model), cases);
      expect(greedy.map(({ tokens }) => tokens)).not.toEqual(loop.map(({ tokens }) => tokens));
    }));

  it.each(['multilingual', 'timestamped', 'en'] as const)('%s: goes on in further runs as if it were one', (kind) =>
    withModel(kind, async (model) => {
      const rowsOf: number[] = [];
      const onRun = (rows: number) => rowsOf.push(rows);
      const decoder = await openLoopDecoder(model, 'as-exported', { tokensPerRun: 7, onRun });
      const cases = (await readWhisperReference()).cases.filter((item) => item.kind === kind).slice(0, 60);
      for (const batch of [1, 8]) {
        const made = await compareCases(model, decoder, cases, { batch, maxNewTokens: 60 });
        expect(made).toMatchObject({ different: [], equal: cases.length });
        expect(Math.max(made.logprobError, made.noSpeechError)).toBeLessThan(1e-4);
      }
      // Rows that have ended are left out of later runs.
      expect(rowsOf.length).toBeGreaterThan(2 * cases.length);
      expect(rowsOf).toContain(3);
      const drawn = await decodeAll(model, decoder, cases.slice(0, 8), 0.6);
      const atOnce = await decodeAll(model, await openLoopDecoder(model), cases.slice(0, 8), 0.6);
      expect(drawn.map(({ tokens }) => tokens)).toEqual(atOnce.map(({ tokens }) => tokens));
    }),
  );

  it('hears of a cancel between two runs', () =>
    withModel('en', async (model) => {
      const controller = new AbortController();
      let started = 0;
      const onRun = () => {
        started += 1;
        if (started === 2) controller.abort(new Error('enough'));
      };
      const decoder = await openLoopDecoder(model, 'as-exported', { tokensPerRun: 4, onRun });
      const [item] = (await readWhisperReference()).cases.filter(({ kind, end }) => kind === 'en' && end === 'length');
      if (item === undefined) throw new Error('no case');
      const request = { prompts: [item.prompt], timestamps: item.timestamps, maxNewTokens: 60, temperature: 0 };
      const rows = [await model.encode(item)];
      await expect(decoder.decode({ ...request, rows, signal: controller.signal })).rejects.toThrow('enough');
      expect(started).toBe(2);
    }));

  it('draws the same for a window alone and among others, as the step loop does', () =>
    withModel('multilingual', async (model) => {
      const cases = (await someCases('multilingual', 40)).filter(({ timestamps }) => timestamps).slice(0, 6);
      const rows = await Promise.all(cases.map((item) => model.encode(item)));
      const prompts = cases.map(({ prompt }) => prompt);
      // Prompts of several lengths: a row's place among those of its length differs from its place in the request.
      expect(new Set(prompts.map(({ length }) => length)).size).toBeGreaterThan(1);
      const request = { timestamps: true, maxNewTokens: 60, temperature: 0.6, signal: NEVER };
      for (const decoder of [await openLoopDecoder(model), await openStepDecoder(model, 'pair')]) {
        const together = await decoder.decode({ ...request, rows, prompts, seeds: cases.map((_, row) => 100 + row) });
        for (const [row, encoding] of rows.entries()) {
          const seeds = [100 + row];
          const [alone] = await decoder.decode({
            ...request,
            rows: [encoding],
            prompts: prompts.slice(row, row + 1),
            seeds,
          });
          expect(alone?.tokens).toEqual(together[row]?.tokens);
        }
        const reseeded = await decoder.decode({ ...request, rows, prompts, seeds: cases.map(() => 7) });
        expect(reseeded.map(({ tokens }) => tokens)).not.toEqual(together.map(({ tokens }) => tokens));
      }
    }));

  it('gives the attention that the step loop gives', () =>
    withModel('timestamped', async (model) => {
      const [item] = await someCases('timestamped', 1);
      if (item === undefined) throw new Error('no case');
      const tokens = [...item.prompt, ...item.tokens];
      const row = await model.encode(item);
      const loop = await (await openLoopDecoder(model)).alignments(row, tokens);
      const step = await (await openStepDecoder(model, 'pair')).alignments(row, tokens);
      expect({ ...loop, data: loop.data.length }).toEqual({ ...step, data: step.data.length });
      expect(loop).toMatchObject({ heads: 4, tokens: tokens.length, frames: 1500 });
      expect(Math.max(...loop.data.map((value, at) => Math.abs(value - (step.data[at] ?? 0))))).toBeLessThan(1e-6);
    }));

  it('gives no attention where the graph has none', () =>
    withModel('en', async (model) => {
      const [item] = await someCases('en', 1);
      const row = await model.encode(item ?? { seed: 'x', frames: 300 });
      await expect((await openLoopDecoder(model)).alignments(row, [1])).rejects.toThrow(/cross attentions/);
    }));

  it('stops at the length asked for, and at the end of the text context', () =>
    withModel('multilingual', async (model) => {
      const [item] = (await readWhisperReference()).cases.filter(
        ({ kind, end, timestamps }) => kind === 'multilingual' && end === 'length' && !timestamps,
      );
      if (item === undefined) throw new Error('no case');
      const decoder = await openLoopDecoder(model);
      const request = { rows: [await model.encode(item)], timestamps: false, temperature: 0, signal: NEVER };
      const [short] = await decoder.decode({ ...request, prompts: [item.prompt], maxNewTokens: 3 });
      expect(short).toMatchObject({ tokens: item.tokens.slice(0, 3), finished: 'length' });
      const long = [...Array<number>(445).fill(5), ...item.prompt.slice(-3)];
      const [last] = await decoder.decode({
        ...request,
        prompts: [long],
        maxNewTokens: 100,
        suppress: [model.layout.tokens.eot],
      });
      expect(last).toMatchObject({ finished: 'length' });
      expect(last?.tokens).toHaveLength(1);
    }));

  it('ends with the reason when it was aborted', () =>
    withModel('en', async (model) => {
      const [item] = await someCases('en', 1);
      const rows = [await model.encode(item ?? { seed: 'x', frames: 300 })];
      const signal = AbortSignal.abort(new Error('enough'));
      const request = { rows, prompts: [[1001]], timestamps: false, maxNewTokens: 9, temperature: 0, signal };
      for (const decoder of [await openLoopDecoder(model), await openStepDecoder(model, 'pair')]) {
        await expect(decoder.decode(request)).rejects.toThrow('enough');
      }
    }));
});

describe('opening a decoder', () => {
  function context(dir: string, log: string[] = []) {
    return {
      file: (name: string) => join(dir, name),
      async derivedFolder() {
        await mkdir(join(dir, 'derived'), { recursive: true });
        return join(dir, 'derived');
      },
      openSession: openGraph,
      log: (message: string, fields: Record<string, unknown> = {}) => void log.push(`${message}: ${fields.reason}`),
    };
  }

  it('puts the loop into the graph', () =>
    withModel('en', async (model) => {
      const log: string[] = [];
      const opened = await openDecoder(context(model.dir, log), NAMES);
      expect(log).toEqual([]);
      expect(opened).toMatchObject({ multilingual: false, attends: false });
      expect(await readdir(join(model.dir, 'derived'))).toHaveLength(1);
      await opened.release();
    }));

  it('decodes step by step, and says why, where the graph cannot be made', () =>
    withModel('en', async (model) => {
      const log: string[] = [];
      const derivedFolder = () => Promise.reject(new Error('the disk is full'));
      const opened = await openDecoder({ ...context(model.dir, log), derivedFolder }, NAMES);
      expect(log).toEqual([expect.stringMatching(/step by step.*: the disk is full/)]);
      const [item] = await someCases('en', 1);
      if (item === undefined) throw new Error('no case');
      const request = { prompts: [item.prompt], timestamps: false, temperature: 0, maxNewTokens: 60, signal: NEVER };
      const [row] = await opened.rows.decode({ ...request, rows: [await model.encode(item)] });
      expect(row?.tokens).toEqual(item.tokens.filter((token) => token !== model.layout.tokens.eot));
      await opened.release();
    }));

  it('opens the step graphs beside the loop when beams are first asked for', () =>
    withModel('multilingual', async (model) => {
      const sessions: (string | Uint8Array)[] = [];
      const openSession = (graph: string | Uint8Array) => {
        sessions.push(graph);
        return openGraph(graph);
      };
      const opened = await openDecoder({ ...context(model.dir), openSession }, NAMES);
      const { cases } = await readBeamReference();
      const item = cases.find(({ kind, beamSize, greedy }) => kind === 'multilingual' && beamSize === 5 && !greedy);
      if (item === undefined) throw new Error('no case');
      const { timestamps, beamSize, tokens } = item;
      const rows = [await model.encode(item)];
      const request = { rows, prompts: [item.prompt], timestamps, maxNewTokens: 60, temperature: 0, signal: NEVER };
      expect((await opened.rows.decode(request))[0]?.tokens).not.toEqual(tokens);
      expect(sessions).toHaveLength(1);
      expect((await opened.rows.decode({ ...request, beamSize }))[0]?.tokens).toEqual(tokens);
      expect(sessions).toHaveLength(3);
      await opened.release();
    }));

  it('takes the merged graph where there is no other, step by step, and says why', () =>
    withModel('en', async (model) => {
      for (const name of Object.values(NAMES)) await rm(join(model.dir, name));
      const log: string[] = [];
      const opened = await openDecoder(context(model.dir, log), { merged: 'onnx/decoder_model_merged.onnx' });
      expect(log).toEqual([expect.stringMatching(/step by step.*: the repository has the merged graph alone/)]);
      const cases = await someCases('en', 4);
      const made = await decodeAll(model, { ...opened.rows, release: opened.release }, cases);
      expect(made.map(({ tokens }) => tokens)).toEqual(
        cases.map(({ tokens }) => tokens.filter((token) => token !== model.layout.tokens.eot)),
      );
      await opened.release();
    }));

  it('refuses graphs that branch, or ask for what it does not know', () =>
    withModel('en', async (model) => {
      const graphs = decoderGraphs(model);
      const merged = readOnnxFile(join(model.dir, 'onnx/decoder_model_merged.onnx'));
      const mask = { name: 'attention_mask', type: 'int64', shape: ['rows', 'tokens'] };
      const build = (step: Partial<typeof graphs.step.file>) =>
        prepareLoop(
          { ...graphs, step: { ...graphs.step, file: { ...graphs.step.file, ...step } } },
          model.layout,
          async () => model.dir,
        );
      await expect(build({ nodes: merged.nodes })).rejects.toThrow(/branches/);
      await expect(build({ inputs: [...graphs.step.file.inputs, mask] })).rejects.toThrow(/attention_mask/);
      await expect(build({ hasFunctions: true })).rejects.toThrow(/functions/);
      await expect(build({ opsets: new Map([['', 17]]) })).rejects.toThrow(/operator sets/);
      expect((await readdir(model.dir)).filter((name) => name.startsWith('decoder-loop'))).toEqual([]);
    }));

  it('never reads the weights to know the structure', () =>
    withModel('en', async (model) => {
      const path = join(model.dir, 'onnx/decoder_model.onnx');
      const file = readOnnxFile(path);
      const bytes = readFileSync(path);
      for (const { stored, dims } of file.initializers) {
        if (stored === undefined) continue;
        expect(stored.length).toBe(4 * dims.reduce((product, size) => product * size, 1));
        expect(Number.isFinite(bytes.readFloatLE(stored.offset))).toBe(true);
      }
      expect(file.initializers.some(({ stored }) => stored !== undefined)).toBe(true);
    }));
});
