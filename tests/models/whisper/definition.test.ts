import { describe, expect, it } from 'vitest';
import whisper, { type WhisperSettings } from '../../../backend/src/models/whisper/definition.ts';

const byId = new Map(whisper.models.map((model) => [model.id, model]));

describe('the whisper catalog', () => {
  it('lists every size, and for each the model that times words', () => {
    expect([...byId.keys()]).toEqual([
      ...['tiny', 'tiny_timestamped', 'tiny.en', 'tiny.en_timestamped'].map((name) => `whisper-${name}`),
      ...['base', 'base_timestamped', 'base.en', 'base.en_timestamped'].map((name) => `whisper-${name}`),
      ...['small', 'small_timestamped', 'small.en', 'small.en_timestamped'].map((name) => `whisper-${name}`),
      ...['large-v3-turbo', 'large-v3-turbo_timestamped', 'medium'].map((name) => `whisper-${name}`),
    ]);
    for (const { id, settings } of whisper.models) {
      const { wordTimes = '' } = settings as WhisperSettings;
      expect(byId.get(wordTimes)?.repo, id).toMatch(/_timestamped$/);
    }
  });

  it('takes the files of its precision, weights beside a graph too', () => {
    expect(byId.get('whisper-small')?.files).toContain('onnx/decoder_with_past_model_quantized.onnx');
    expect(byId.get('whisper-tiny')?.files).toContain('onnx/decoder_model.onnx');
    expect(byId.get('whisper-large-v3-turbo')?.files).toContain('onnx/encoder_model.onnx_data');
  });

  it('knows languages: one, 99, or Cantonese too', () => {
    expect(byId.get('whisper-base.en')?.languages).toEqual(['en']);
    expect(byId.get('whisper-base')?.languages).toHaveLength(99);
    expect(byId.get('whisper-large-v3-turbo')?.languages).toContain('yue');
  });
});
