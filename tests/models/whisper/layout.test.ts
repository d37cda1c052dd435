import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { GraphIo } from '../../../backend/src/models/onnx-file.ts';
import { readLayout } from '../../../backend/src/models/whisper/layout.ts';
import { buildPrompt, keywordTokens } from '../../../backend/src/models/whisper/prompt.ts';
import { readWhisperReference } from '../../fixtures/whisper/reference.ts';
import { WHISPER_FIXTURES, type WhisperKind } from '../../support/seeded-weights.ts';

const KINDS: WhisperKind[] = ['multilingual', 'en', 'timestamped'];

/** What a decoder of these dimensions says of itself. */
function io({ layers = 2, heads = 4, vocab = 2609, attentions = false, type = 'float32' } = {}): GraphIo {
  const outputs = Array.from({ length: layers }, (_, layer) => [
    { name: `present.${layer}.decoder.key`, type, shape: ['batch', heads, 'past', 16] },
    ...(attentions ? [{ name: `cross_attentions.${layer}`, type, shape: ['batch', heads, 'tokens', 'frames'] }] : []),
  ]).flat();
  return { inputs: [], outputs: [{ name: 'logits', type, shape: ['batch', 'tokens', vocab] }, ...outputs] };
}

async function configs(kind: WhisperKind): Promise<[Record<string, unknown>, Record<string, unknown>]> {
  const read = async (name: string) => JSON.parse(await readFile(join(WHISPER_FIXTURES, kind, name), 'utf8'));
  return [await read('config.json'), await read('generation_config.json')];
}

describe('layout', () => {
  it.each(KINDS)('%s: special tokens as the reference has them', async (kind) => {
    const facts = (await readWhisperReference()).kinds[kind];
    const graph = io({ vocab: facts.tokens.vocab, attentions: kind === 'timestamped' });
    const layout = readLayout(...(await configs(kind)), graph);
    expect(layout.tokens).toMatchObject({
      eot: facts.tokens.eot,
      sot: facts.tokens.sot,
      sotPrev: facts.tokens.sot_prev,
      noSpeech: facts.tokens.no_speech,
      noTimestamps: facts.tokens.no_timestamps,
      timestampBegin: facts.tokens.timestamp_begin,
      translate: facts.tokens.translate,
      transcribe: facts.tokens.transcribe,
    });
    expect(layout).toMatchObject({
      layers: 2,
      heads: 4,
      headDim: 16,
      melBins: facts.mels,
      isMultilingual: facts.multilingual,
      maxInitialTimestampIndex: facts.maxInitialTimestampIndex,
      alignmentHeads: facts.alignmentHeads,
      hasCrossAttentions: kind === 'timestamped',
    });
  });

  it('derives what old exports leave out', async () => {
    const [config, generation] = await configs('multilingual');
    const known = readLayout(config, generation, io());
    const { eos_token_id, decoder_start_token_id } = generation;
    const bare = readLayout(config, { eos_token_id, decoder_start_token_id, is_multilingual: true }, io());
    expect({ ...bare.tokens, languages: undefined }).toEqual({ ...known.tokens, languages: undefined });
    expect(Object.fromEntries(bare.tokens.languages)).toEqual(Object.fromEntries(known.tokens.languages));
    expect(bare.maxInitialTimestampIndex).toBe(50);
    expect(bare.alignmentHeads).toEqual([
      [1, 0],
      [1, 1],
      [1, 2],
      [1, 3],
    ]);
  });

  it('takes layers, heads and type from the graph', async () => {
    const layout = readLayout(...(await configs('en')), io({ layers: 5, heads: 2, vocab: 2608, type: 'float16' }));
    expect(layout).toMatchObject({ layers: 5, heads: 2, vocab: 2608, kvType: 'float16' });
  });

  it('says what is missing', async () => {
    const [config, generation] = await configs('en');
    expect(() => readLayout(config, generation, { inputs: [], outputs: [] })).toThrow(/present\.N\.decoder\.key/);
    expect(() => readLayout({ ...config, d_model: null }, generation, io())).toThrow(/d_model/);
  });
});

describe('prompt', () => {
  it("is the reference's for every case", async () => {
    const { cases, kinds } = await readWhisperReference();
    for (const kind of KINDS) {
      const layout = readLayout(...(await configs(kind)), io({ vocab: kinds[kind].tokens.vocab }));
      for (const item of cases.filter((candidate) => candidate.kind === kind)) {
        const previous = item.prompt.slice(item.previous === null ? 0 : 1, item.prompt.indexOf(layout.tokens.sot));
        expect(buildPrompt(layout, { ...item, previous })).toEqual(item.prompt);
      }
    }
  });

  it('keeps the last 223 tokens of the text before, and refuses unknown languages', async () => {
    const layout = readLayout(...(await configs('multilingual')), io());
    const previous = Array.from({ length: 500 }, (_, id) => id);
    const request = { language: 'de', task: 'translate', timestamps: true } as const;
    const prompt = buildPrompt(layout, { ...request, previous });
    expect(prompt.slice(0, -3)).toEqual([layout.tokens.sotPrev, ...previous.slice(-223)]);
    expect(prompt.slice(-3)).toEqual([layout.tokens.sot, layout.tokens.languages.get('de'), layout.tokens.translate]);
    const keywords = [7, 8, 9];
    const both = buildPrompt(layout, { ...request, keywords, previous });
    expect(both.slice(0, -3)).toEqual([layout.tokens.sotPrev, ...keywords, ...previous.slice(-220)]);
    const alone = buildPrompt(layout, { ...request, keywords });
    expect(alone.slice(0, -3)).toEqual([layout.tokens.sotPrev, ...keywords]);
    expect(() => buildPrompt(layout, { ...request, language: 'tlh' })).toThrow(/'tlh'/);
  });

  it('takes whole keywords, the first ones first, up to half of the prompt', () => {
    const encode = (text: string) => Array.from(text, (character) => character.charCodeAt(0));
    const taken = (...keywords: string[]) => String.fromCharCode(...keywordTokens(keywords, encode));
    expect(taken()).toBe('');
    expect(taken('Ann', 'B c')).toBe(' Ann, B c');
    const long = 'x'.repeat(100);
    expect(taken(long, 'too much!', 'fits', 'y')).toBe(` ${long}, fits, y`);
    expect(taken('x'.repeat(110))).toHaveLength(111);
    expect(taken('x'.repeat(111), 'a')).toBe(' a');
  });
});
