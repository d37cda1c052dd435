/** Every decoder writes what transformers.js was recorded to write (tests/rivals), token for token. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWhisperReference, type WhisperReference } from '../../fixtures/whisper/reference.ts';
import { readTransformersJsRecord, type TransformersJsRecord } from '../../fixtures/whisper/transformers-js.ts';
import type { WhisperKind } from '../../support/seeded-weights.ts';
import { DECODERS, openTinyWhisper, type TinyWhisper } from '../../tools/parity/tiny-whisper.ts';
import { comparableCases, expecting } from '../../tools/parity/transformers-js-whisper.ts';
import { compareCases } from '../../tools/parity/whisper-cases.ts';

const KINDS: WhisperKind[] = ['multilingual', 'en', 'timestamped'];

let dir: string;
let reference: WhisperReference;
let record: TransformersJsRecord;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'audio-gateway-test-'));
  reference = await readWhisperReference();
  record = await readTransformersJsRecord();
});
afterAll(() => rm(dir, { recursive: true, force: true }));

it('was recorded on every case without timestamps', () => {
  const cases = comparableCases(reference.cases);
  expect(Object.keys(record.tokens).sort()).toEqual(cases.map(({ id }) => id).sort());
  expect(cases.length).toBeGreaterThanOrEqual(140);
  expect(cases.filter(({ previous }) => previous !== null).length).toBeGreaterThan(40);
  expect(cases.filter(({ suppress }) => !suppress).length).toBeGreaterThan(10);
});

describe.each(KINDS)('%s', (kind) => {
  let model: TinyWhisper;
  beforeAll(async () => {
    model = await openTinyWhisper(kind, dir);
  }, 60_000);
  afterAll(() => model.release());

  it.each(Object.entries(DECODERS))(
    '%s: the tokens of transformers.js',
    async (_, open) => {
      const decoder = await open(model);
      const cases = expecting(record.tokens, reference).filter((item) => item.kind === kind);
      const { maxNewTokens } = reference;
      const { equal, different } = await compareCases(model, decoder, cases, { batch: 8, maxNewTokens });
      expect({ equal, different }).toEqual({ equal: cases.length, different: [] });
      await decoder.release();
    },
    60_000,
  );
});
