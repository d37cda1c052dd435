/** Beam search writes what openai/whisper's writes, token for token, on the tiny seeded models. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBeamSearch } from '../../../backend/src/models/whisper/beam-search.ts';
import { withBeamsOnDemand } from '../../../backend/src/models/whisper/beams-on-demand.ts';
import type { DecodedRow, WhisperDecoder } from '../../../backend/src/models/whisper/decoder.ts';
import type { Tensors } from '../../../backend/src/models/whisper/decoder-passes.ts';
import { createStepDecoder } from '../../../backend/src/models/whisper/step-decoder.ts';
import { type BeamCase, type BeamReference, readBeamReference } from '../../fixtures/whisper/reference.ts';
import type { WhisperKind } from '../../support/seeded-weights.ts';
import { openGraph, openStepDecoder, openTinyWhisper, type TinyWhisper } from '../../tools/parity/tiny-whisper.ts';

const KINDS: WhisperKind[] = ['multilingual', 'en', 'timestamped'];
const TOLERANCE = 1e-4;
const TIMEOUT = 180_000;
const NEVER = new AbortController().signal;

describe('parity with the reference', () => {
  let dir: string;
  let reference: BeamReference;
  beforeAll(async () => {
    reference = await readBeamReference();
    dir = await mkdtemp(join(tmpdir(), 'audio-gateway-test-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it('has at least 30 cases, of all sorts, of which greedy decoding gets most wrong', () => {
    const { cases } = reference;
    expect(cases.length).toBeGreaterThanOrEqual(30);
    for (const kind of KINDS) {
      for (const beamSize of [2, 5]) {
        for (const timestamps of [true, false]) {
          const own = cases.filter((item) => item.kind === kind && item.beamSize === beamSize);
          expect(own.filter((item) => item.timestamps === timestamps).length).toBeGreaterThanOrEqual(3);
        }
      }
    }
    expect(cases.filter(({ greedy }) => !greedy).length).toBeGreaterThan(cases.length / 2);
    expect(new Set(cases.map(({ end }) => end)).size).toBe(2);
  });

  async function decode(model: TinyWhisper, decoder: WhisperDecoder, cases: BeamCase[]): Promise<DecodedRow[]> {
    const rows = await Promise.all(cases.map((item) => model.encode(item)));
    const { timestamps = false, beamSize = 1 } = cases[0] ?? {};
    const prompts = cases.map(({ prompt }) => prompt);
    const { maxNewTokens } = reference;
    return decoder.decode({ rows, prompts, timestamps, beamSize, maxNewTokens, temperature: 0, signal: NEVER });
  }

  /** `batch` windows at a time. */
  async function expectReference(model: TinyWhisper, decoder: WhisperDecoder, cases: BeamCase[], batch: number) {
    const sets = Map.groupBy(cases, ({ timestamps, beamSize }) => `${timestamps} ${beamSize}`);
    for (const set of sets.values()) {
      for (let from = 0; from < set.length; from += batch) {
        const chosen = set.slice(from, from + batch);
        const made = await decode(model, decoder, chosen);
        for (const [index, item] of chosen.entries()) expectRow(made[index], item);
      }
    }
  }

  function expectRow(row: DecodedRow | undefined, { id, tokens, end, avgLogprob, noSpeech }: BeamCase): void {
    expect({ id, tokens: row?.tokens, end: row?.finished }).toEqual({ id, tokens, end });
    expect(Math.abs((row?.avgLogprob ?? Number.NaN) - avgLogprob)).toBeLessThan(TOLERANCE);
    expect(Math.abs((row?.noSpeechProb ?? Number.NaN) - noSpeech)).toBeLessThan(TOLERANCE);
    expect(row?.logprobs).toHaveLength(tokens.length);
    const sum = row?.logprobs.reduce((total, logprob) => total + logprob, 0) ?? Number.NaN;
    const whole = avgLogprob * (tokens.length + 1);
    // What is missing is the end token's.
    if (end === 'eot') expect(sum).toBeGreaterThan(whole);
    else expect(Math.abs(sum - whole)).toBeLessThan(TOLERANCE * tokens.length);
  }

  it.each(KINDS)(
    '%s: tokens and probabilities, in batches and alone, on both sorts of graphs',
    async (kind) => {
      const model = await openTinyWhisper(kind, dir);
      const cases = reference.cases.filter((item) => item.kind === kind);
      const pair = await openStepDecoder(model, 'pair');
      await expectReference(model, pair, cases, 3);
      await pair.release();
      const merged = await openStepDecoder(model, 'merged');
      await expectReference(model, merged, cases.slice(0, 6), 1);
      await merged.release();
      await model.release();
    },
    TIMEOUT,
  );
});

it('a search that nobody waits for any more ends between two tokens', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'audio-gateway-test-'));
  try {
    const model = await openTinyWhisper('en', dir);
    const { dModel, tokens } = model.layout;
    let steps = 0;
    const open = async (name: string) => {
      const session = await openGraph(join(model.dir, 'onnx', `${name}.onnx`));
      return { ...session, run: (feeds: Tensors) => session.run(feeds).finally(() => (steps += 1)) };
    };
    const sessions = { prefill: await open('decoder_model'), step: await open('decoder_with_past_model') };
    const decoder = createStepDecoder(sessions, model.layout);
    const controller = new AbortController();
    const running = decoder.decode({
      rows: [new Float32Array(1500 * dModel)],
      prompts: [[tokens.sot]],
      timestamps: true,
      beamSize: 5,
      maxNewTokens: 60,
      temperature: 0,
      suppress: [tokens.eot],
      signal: controller.signal,
    });
    setImmediate(() => controller.abort(new Error('enough')));
    await expect(running).rejects.toThrow('enough');
    expect(steps).toBeLessThan(10);
    await decoder.release();
    await model.release();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

describe('a beam search', () => {
  const EOT = 0;
  const forbidden = Number.NEGATIVE_INFINITY;
  const scores = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);

  it('finds a likelier text behind a less likely token', () => {
    const search = createBeamSearch({ size: 2, eot: EOT });
    expect(search.advance([scores(0, 0.6, 0.4)])).toEqual([0, 0]);
    expect(search.live.map(({ tokens }) => tokens)).toEqual([[1], [2]]);
    // Behind 1 all is unlikely, behind 2 the end is sure.
    search.advance([scores(0.34, 0.33, 0.33), scores(0.98, 0.01, 0.01)]);
    expect(search.best().tokens).toEqual([2, EOT]);
  });

  it('goes on with fewer beams where the rules leave fewer tokens, and ends where they leave none', () => {
    const search = createBeamSearch({ size: 3, eot: EOT });
    search.advance([Float32Array.of(forbidden, -1, forbidden, forbidden)]);
    expect(search.live.map(({ tokens }) => tokens)).toEqual([[1]]);
    expect(search.done).toBe(false);
    search.advance([Float32Array.of(-1, forbidden, forbidden, forbidden)]);
    expect(search).toMatchObject({ done: true, live: [] });
    expect(search.best()).toMatchObject({ tokens: [1, EOT] });
  });

  it('ends with as many finished texts as beams', () => {
    const search = createBeamSearch({ size: 2, eot: EOT });
    search.advance([scores(0, 0.6, 0.4)]);
    search.advance([scores(0.5, 0.3, 0.2), scores(0.1, 0.5, 0.4)]);
    expect(search.done).toBe(false);
    search.advance([scores(0.9, 0.05, 0.05), scores(0.9, 0.05, 0.05)]);
    expect(search.done).toBe(true);
  });
});

describe('beams on demand', () => {
  function fakeDecoder(log: string[], name: string): WhisperDecoder {
    return {
      decode: async () => {
        log.push(`${name} decodes`);
        return [];
      },
      detectLanguage: async () => [],
      alignments: () => Promise.reject(new Error('none')),
      release: async () => void log.push(`${name} released`),
    };
  }
  const request = { rows: [], prompts: [], timestamps: false, maxNewTokens: 1, temperature: 0, signal: NEVER };

  it('opens the other decoder at the first request with beams, once, and releases both', async () => {
    const log: string[] = [];
    const decoder = withBeamsOnDemand(fakeDecoder(log, 'loop'), async () => {
      log.push('opened');
      return fakeDecoder(log, 'steps');
    });
    await decoder.decode(request);
    await decoder.decode({ ...request, beamSize: 1 });
    await Promise.all([decoder.decode({ ...request, beamSize: 5 }), decoder.decode({ ...request, beamSize: 2 })]);
    await decoder.release();
    expect(log.filter((line) => line.includes('decodes'))).toEqual([
      'loop decodes',
      'loop decodes',
      'steps decodes',
      'steps decodes',
    ]);
    expect(log.filter((line) => line === 'opened')).toHaveLength(1);
    expect(log.slice(-2)).toEqual(['loop released', 'steps released']);
  });

  it('tries to open again after a failure, and releases without ever having opened', async () => {
    const log: string[] = [];
    let tries = 0;
    const decoder = withBeamsOnDemand(fakeDecoder(log, 'loop'), async () => {
      tries += 1;
      if (tries === 1) throw new Error('no memory');
      return fakeDecoder(log, 'steps');
    });
    await expect(decoder.decode({ ...request, beamSize: 2 })).rejects.toThrow('no memory');
    await decoder.decode({ ...request, beamSize: 2 });
    expect(log).toEqual(['steps decodes']);
    const unused = withBeamsOnDemand(fakeDecoder(log, 'loop'), () => Promise.reject(new Error('never')));
    await unused.release();
    expect(log.at(-1)).toBe('loop released');
  });
});
