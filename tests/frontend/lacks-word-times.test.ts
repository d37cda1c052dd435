import { expect, it } from 'vitest';
import whisper from '../../backend/src/models/whisper/definition.ts';
import { lacksWordTimes } from '../../frontend/src/lib/lacks-word-times.ts';

it('is so where the catalog takes word times from another model', () => {
  for (const { id, settings } of whisper.models) {
    expect(lacksWordTimes(id), id).toBe((settings as { wordTimes?: string }).wordTimes !== id);
  }
  expect(lacksWordTimes('zipformer-gigaspeech-3.3m')).toBe(false);
});
