import { describe, expect, it } from 'vitest';
import type { TranscriptWindow } from '../../../backend/src/contract/transcription.ts';
import { transcribePcm } from '../../../backend/src/models/whisper/transcribe.ts';
import { fakeWhisper, LANGUAGE_TOKEN, TASK_TOKENS } from './fake-model.ts';
import { letters, levels, said } from './support.ts';

type Span = readonly [seconds: number, level: number];

/** Stretches of speech, each its own window, at rising levels. */
const spoken = (count: number): Span[] =>
  Array.from({ length: count }, (_, i): Span[] => [
    [10, 0.6 + i / 100],
    [6, 0],
  ]).flat();
const nameOf = (level: number): string => ` w${Math.round((level - 0.6) * 100)}`;
const named = ({ level }: { level: number }) => ({ tokens: said(0, nameOf(level), 5) });

describe('transcribing in windows', () => {
  it('gives text, segments and deltas in order, however windows share batches', async () => {
    const model = fakeWhisper({ write: (decoding) => ({ tokens: said(0, nameOf(decoding.level), 5) }) });
    const deltas: string[] = [];
    const windows: TranscriptWindow[] = [];
    const result = await transcribePcm(model, levels(...spoken(11)), {
      onDelta: (delta) => deltas.push(delta),
      onWindow: (window) => windows.push(window),
    });
    expect(result.text).toBe('w0 w1 w2 w3 w4 w5 w6 w7 w8 w9 w10');
    expect(deltas.join('')).toBe(result.text);
    expect(deltas).toHaveLength(11);
    expect(result).toMatchObject({ duration: 176, language: 'de', words: [], suppressed_segments: [] });
    expect(result.segments.map(({ id, text }) => [id, text])).toEqual(
      Array.from({ length: 11 }, (_, i) => [i, ` w${i}`]),
    );
    for (const [i, { start, end, seek }] of result.segments.entries()) {
      expect(Math.abs(start - Math.max(0, 16 * i - 0.3))).toBeLessThan(0.05);
      expect(end).toBeCloseTo(start + 5, 2);
      expect(seek).toBe(Math.round(start * 100));
    }
    expect(windows.map(({ index, segments }) => [index, segments.length])).toEqual(
      Array.from({ length: 11 }, (_, i) => [i, 1]),
    );
    expect(model.batches.reduce((sum, rows) => sum + rows)).toBe(11);
    expect(Math.max(...model.batches)).toBeGreaterThan(1);
    expect(Math.max(...model.batches)).toBeLessThanOrEqual(4);
    expect(model).toMatchObject({ encodings: 11, detections: 1 });
  });

  it('gives the whole text where memory suffices for smaller batches only', async () => {
    const model = fakeWhisper({ write: named, room: 1, maxBatch: 2, maxWaitMs: 200 });
    const { text } = await transcribePcm(model, levels(...spoken(6)), {});
    expect(text).toBe('w0 w1 w2 w3 w4 w5');
    // What failed once did so with two rows, and nothing was encoded for it again.
    expect(model.batches).toEqual([2, 1, 1, 1, 1, 1, 1]);
    expect(model).toMatchObject({ encodings: 6, scheduler: { maxBatch: 1 } });
  });

  it('fails with a code of its own where memory suffices for no window', async () => {
    const model = fakeWhisper({ write: named, room: 0 });
    await expect(transcribePcm(model, levels(...spoken(6)), {})).rejects.toMatchObject({ code: 'out_of_memory' });
  });

  it('decodes again hotter, alone and without encoding again, what is no good', async () => {
    const model = fakeWhisper({
      write: ({ level, temperature }) => ({
        tokens: said(0, nameOf(level), 5),
        avgLogprob: level > 0.605 && level < 0.615 && temperature < 0.3 ? -2 : -0.1,
      }),
    });
    const { segments } = await transcribePcm(model, levels(...spoken(3)), { language: 'en' });
    expect(segments.map(({ text, temperature }) => [text, temperature])).toEqual([
      [' w0', 0],
      [' w1', 0.4],
      [' w2', 0],
    ]);
    expect(model.batches.slice(-1)).toEqual([1]);
    expect(model.decodings).toHaveLength(5);
    expect(model).toMatchObject({ encodings: 3, detections: 0 });
  });

  it("passes on a caller's prompt, language, temperature and task", async () => {
    const model = fakeWhisper({ write: named });
    const options = { language: 'fr', temperature: 0.3, prompt: ' Names: A, B ', task: 'translate' } as const;
    const result = await transcribePcm(model, levels(...spoken(2)), options);
    const prompt = [...letters.encode(' Names: A, B'), LANGUAGE_TOKEN, TASK_TOKENS.translate];
    expect(model.decodings).toMatchObject([
      { prompt, temperature: 0.3 },
      { prompt, temperature: 0.3 },
    ]);
    expect(result.language).toBe('fr');
  });

  it('asks each window for its language when told to', async () => {
    const languageOf = (level: number) => (level > 0.605 ? 'fr' : 'en');
    const model = fakeWhisper({ write: named, languageOf });
    const languages: string[] = [];
    const onWindow = ({ language }: TranscriptWindow) => languages.push(language);
    const result = await transcribePcm(model, levels(...spoken(3)), { detect: 'per-window', onWindow });
    expect(languages).toEqual(['en', 'fr', 'fr']);
    expect(result.language).toBe('en');
    const english = fakeWhisper({ write: named, onlyLanguage: 'en' });
    expect((await transcribePcm(english, levels(...spoken(1)))).language).toBe('en');
    expect(english.detections).toBe(0);
  });

  it('seeks the language among those that are possible, and tells it of each segment', async () => {
    const languageOf = (level: number) => (level > 0.605 ? 'fr' : 'en');
    const model = fakeWhisper({ write: named, languageOf });
    const result = await transcribePcm(model, levels(...spoken(2)), { detect: 'per-window', languages: ['nn', 'fr'] });
    // The likeliest of the first is not among them.
    expect(result.segments.map(({ language }) => language)).toEqual(['nn', 'fr']);
    const once = await transcribePcm(model, levels(...spoken(2)), { languages: ['nn'] });
    expect(once).toMatchObject({ language: 'nn', segments: [{ text: ' w0' }, { text: ' w1' }] });
    expect(once.segments.filter((segment) => 'language' in segment)).toEqual([]);
  });

  it('puts keywords in front of every prompt', async () => {
    for (const mode of ['windows', 'sequential'] as const) {
      const model = fakeWhisper({ write: named });
      const options = { mode, language: 'en', prompt: 'P', keywords: ['A', 'B c'], conditionOnPrevious: false };
      await transcribePcm(model, levels([40, 0.9]), options);
      expect(model.decodings.length).toBeGreaterThan(1);
      const written = model.decodings.map(({ prompt }) => letters.decode(prompt.slice(0, -2)));
      // What the text before was depends on the mode; the keywords do not.
      expect(written[0]).toBe(' A, B c P');
      expect(written.at(-1)).toBe(mode === 'windows' ? ' A, B c P' : ' A, B c');
    }
  });

  it('searches with beams at temperature 0, and draws a single text at those after', async () => {
    const model = fakeWhisper({
      write: ({ level, temperature }) => ({
        tokens: said(0, nameOf(level), 5),
        avgLogprob: temperature < 0.3 ? -2 : 0,
      }),
    });
    await transcribePcm(model, levels(...spoken(2)), { language: 'en', beamSize: 3 });
    const tried = model.decodings.map(({ temperature, beamSize }) => [temperature, beamSize]);
    const once = [
      [0, 3],
      [0.2, 1],
      [0.4, 1],
    ];
    expect(tried.toSorted()).toEqual(once.flatMap((attempt) => [attempt, attempt]));
  });

  it.each([
    [1, 4],
    [2, 2],
    [3, 1],
    [5, 1],
  ])('%i beams: at most %i windows of 4 rows share a batch', async (beamSize, windows) => {
    const model = fakeWhisper({ write: named, maxBatch: 4 });
    const { segments } = await transcribePcm(model, levels(...spoken(11)), { language: 'en', beamSize });
    expect(segments).toHaveLength(11);
    expect(Math.max(...model.batches)).toBe(windows);
  });

  it("draws from a seed that is the audio's and the temperature's own", async () => {
    const seedsOf = async (spans: Span[], temperature: number) => {
      const model = fakeWhisper({ write: named });
      await transcribePcm(model, levels(...spans), { language: 'en', temperature });
      return Object.fromEntries(model.decodings.map(({ level, seed }) => [nameOf(level), seed]));
    };
    const long = await seedsOf(spoken(3), 0.4);
    expect(new Set(Object.values(long)).size).toBe(3);
    const [, , ...last] = spoken(2);
    expect(await seedsOf([[16, 0], ...last], 0.4)).toEqual({ ' w1': long[' w1'] });
    expect(await seedsOf([[16, 0], ...last], 0.6)).not.toEqual({ ' w1': long[' w1'] });
    expect(await seedsOf(last, 0)).toEqual({ ' w1': undefined });
  });

  it('decodes on where the limit of tokens cut a window off, and keeps speech that the window cut off', async () => {
    const model = fakeWhisper({
      write: (_, number) =>
        number === 0
          ? { tokens: said(0, ' one', 4, 4, ' lost in the'), finished: 'length' }
          : { tokens: said(0, ' two', 3, 3.5, ' three') },
    });
    const { text, segments } = await transcribePcm(model, levels([10, 0.9]), { language: 'en' });
    expect(text).toBe('one two three');
    expect(segments.map(({ start, end }) => [start, end])).toEqual([
      [0, 4],
      [4, 7],
      [7.5, 10],
    ]);
  });

  it('times words', async () => {
    const model = fakeWhisper({ write: () => ({ tokens: said(0, ' ab', 5) }) });
    const { words, segments } = await transcribePcm(model, levels([10, 0.9]), { language: 'en', words: true });
    expect(words.map(({ word }) => word)).toEqual(['ab']);
    expect(segments[0]).toMatchObject({ start: words[0]?.start, end: words[0]?.end });
    expect(words[0]?.end).toBeGreaterThan(words[0]?.start ?? 99);
  });

  it('flags what may be made up and tells what was withheld', async () => {
    const model = fakeWhisper({
      write: ({ level }) =>
        level > 0.605
          ? { tokens: said(0, ' Bye', 5), avgLogprob: -1.5, noSpeechProb: 0.9 }
          : { tokens: said(0, ` ${'so '.repeat(40)}`, 5), avgLogprob: -0.2 },
    });
    const result = await transcribePcm(model, levels(...spoken(2)), { language: 'en', temperature: 1 });
    expect(result.segments).toHaveLength(1);
    expect(result.segments[0]?.risk).toEqual(['repetition', 'high_compression']);
    expect(result.suppressed_segments).toMatchObject([{ text: ' Bye', reason: 'no_speech' }]);
    expect(result.text).toBe(`${'so '.repeat(40)}`.trim());
  });

  it('gives an empty transcript of silence, and of nothing', async () => {
    const model = fakeWhisper({ write: named });
    const empty = { text: '', segments: [], words: [], suppressed_segments: [] };
    expect(await transcribePcm(model, levels([40, 0]))).toEqual({ ...empty, duration: 40, language: 'en' });
    expect(await transcribePcm(model, [], { language: 'fr' })).toEqual({ ...empty, duration: 0, language: 'fr' });
    expect(model.encodings).toBe(0);
  });

  it('lets a clip in between the windows of a long file', async () => {
    const model = fakeWhisper({ write: named, maxBatch: 2 });
    const order: string[] = [];
    const long = transcribePcm(model, levels(...spoken(40)), { onWindow: ({ index }) => order.push(`long ${index}`) });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await transcribePcm(model, levels([10, 0.9]));
    order.push('clip');
    expect(order.length).toBeLessThan(20);
    expect((await long).segments).toHaveLength(40);
  });

  it('stops reading and rejects when aborted, and when the model fails', async () => {
    for (const how of ['aborted', 'failed'] as const) {
      const controller = new AbortController();
      let closed = false;
      let read = 0;
      const endless = async function* () {
        try {
          for (; ; read += 1) yield* levels([10, 0.9], [6, 0]);
        } finally {
          closed = true;
        }
      };
      const model = fakeWhisper({
        write: (decoding, number) => {
          if (number >= 3 && how === 'failed') throw new Error('failed');
          if (number === 3) controller.abort(new Error('aborted'));
          return named(decoding);
        },
      });
      const running = transcribePcm(model, endless(), { signal: controller.signal });
      await expect(running).rejects.toThrow(how);
      expect(closed).toBe(true);
      expect(read).toBeLessThan(30);
    }
  });
});

describe('transcribing sequentially', () => {
  it("seeks by timestamps and conditions on the text before, as the reference's loop does", async () => {
    const model = fakeWhisper({
      write: (_, number) =>
        [
          { tokens: said(0, ' one', 12, 12.5, ' two', 20, 20) },
          { tokens: said(0.5, ' three', 9, 9, ' cut') },
          { tokens: said(0, ' four', 14) },
        ][number] ?? { tokens: [] },
    });
    const result = await transcribePcm(model, levels([43, 0.9]), { mode: 'sequential', language: 'en', prompt: 'P' });
    expect(result.text).toBe('one two three four');
    expect(result.segments.map(({ start, end, seek }) => [start, end, seek])).toEqual([
      [0, 12, 0],
      [12.5, 20, 0],
      [20.5, 29, 2000],
      [29, 43, 2900],
    ]);
    const end = [LANGUAGE_TOKEN, TASK_TOKENS.transcribe];
    expect(model.decodings.map(({ prompt }) => prompt)).toEqual([
      [...letters.encode(' P'), ...end],
      [...said(' P', 0, ' one', 12, 12.5, ' two', 20), ...end],
      [...said(' P', 0, ' one', 12, 12.5, ' two', 20, 0.5, ' three', 9), ...end],
    ]);
  });

  it('forgets what a hot decoding wrote, or everything when told to', async () => {
    for (const options of [{ temperature: 0.8 }, { conditionOnPrevious: false }]) {
      const model = fakeWhisper({ write: named });
      await transcribePcm(model, levels([70, 0.6]), { mode: 'sequential', language: 'en', prompt: 'P', ...options });
      expect(model.decodings.map(({ prompt }) => prompt.length)).toEqual([4, 2, 2]);
    }
  });

  it('goes on by a whole window where timestamps would stay', async () => {
    const model = fakeWhisper({ write: () => ({ tokens: said(0, 0, ' a') }) });
    const { text } = await transcribePcm(model, levels([65, 0.9]), { mode: 'sequential', language: 'en' });
    expect(model.decodings).toHaveLength(3);
    expect(text).toBe('a a a');
  });
});
