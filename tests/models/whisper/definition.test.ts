import { describe, expect, it } from 'vitest';
import type { ModelDefinition } from '../../../backend/src/models/define-model.ts';
import definition, { type WhisperSettings, whisper } from '../../../backend/src/models/whisper/definition.ts';
import { chooseDtype } from '../../../backend/src/registry/choose-dtype.ts';

const byId = new Map(definition.models.map((model) => [model.id, model]));

function onnx({ files }: ModelDefinition): string[] {
  return files.filter((file) => file.startsWith('onnx/'));
}

function graphs(id: string, device: string, asked?: string): string[] {
  const model = byId.get(id);
  if (model === undefined) throw new Error(id);
  return onnx(chooseDtype(model, device, asked).definition);
}

/** Of an encoder and a pair of decoders. */
function names(encoder: string, suffix: string): string[] {
  return [encoder, `decoder_model${suffix}`, `decoder_with_past_model${suffix}`].map((name) => `onnx/${name}.onnx`);
}

describe('the whisper catalog', () => {
  it('lists every size, and for each the model that times words', () => {
    expect([...byId.keys()]).toEqual([
      ...['tiny', 'tiny_timestamped', 'tiny.en', 'tiny.en_timestamped'].map((name) => `whisper-${name}`),
      ...['base', 'base_timestamped', 'base.en', 'base.en_timestamped'].map((name) => `whisper-${name}`),
      ...['small', 'small_timestamped', 'small.en', 'small.en_timestamped'].map((name) => `whisper-${name}`),
      ...['large-v3-turbo', 'large-v3-turbo_timestamped', 'medium'].map((name) => `whisper-${name}`),
      'starter-whisper',
    ]);
    for (const { id, settings } of definition.models) {
      const { wordTimes = '' } = settings as WhisperSettings;
      expect(byId.get(wordTimes)?.repo, id).toMatch(
        id === 'starter-whisper' ? /^starter-models\/starter-whisper$/ : /_timestamped$/,
      );
    }
  });

  it('takes the files of its precision: on a CPU full, or of the large ones a quantized decoder, half on a GPU', () => {
    expect(graphs('whisper-large-v3-turbo', 'cpu')).toEqual([
      ...names('encoder_model', '_quantized'),
      'onnx/encoder_model.onnx_data',
    ]);
    expect(graphs('whisper-small', 'cpu')).toEqual(names('encoder_model', ''));
    expect(graphs('whisper-small', 'cuda:1')).toEqual(names('encoder_model_fp16', '_fp16'));
    expect(graphs('whisper-tiny', 'cpu')).toEqual(names('encoder_model', ''));
    expect(graphs('whisper-tiny', 'cuda:0')).toEqual(names('encoder_model_fp16', '_fp16'));
  });

  it('takes the precision an operator names, on every device', () => {
    for (const device of ['cpu', 'cuda:0']) {
      expect(graphs('whisper-tiny', device, 'q8')).toEqual(names('encoder_model_quantized', '_quantized'));
      expect(graphs('whisper-tiny', device, 'fp16/q4')).toEqual(names('encoder_model_fp16', '_q4'));
    }
  });

  it('takes the weights beside a graph with that graph alone', () => {
    const data = 'onnx/encoder_model.onnx_data';
    expect(graphs('whisper-large-v3-turbo', 'cpu')).toContain(data);
    expect(graphs('whisper-large-v3-turbo', 'cuda:0')).not.toContain(data);
  });

  it('takes the merged decoder where a repository has no other', () => {
    const fp32 = { encoder: 'fp32', decoder: 'fp32' } as const;
    const listing = { published: '2022-09-21', license: 'MIT', languages: ['en'], estimateBytes: 1 };
    const model = whisper({
      ...{ ...listing, id: 'own', repo: 'own/whisper', dtypes: { cpu: fp32, cuda: fp32 } },
      settings: { batching: { maxBatch: 1, maxWaitMs: 0 }, longForm: 'windows', merged: true },
    });
    expect(onnx(chooseDtype(model, 'cpu', 'fp32/q8').definition)).toEqual([
      'onnx/encoder_model.onnx',
      'onnx/decoder_model_merged_quantized.onnx',
    ]);
  });

  it('knows languages: one, 99, or Cantonese too', () => {
    expect(byId.get('whisper-base.en')?.languages).toEqual(['en']);
    expect(byId.get('whisper-base')?.languages).toHaveLength(99);
    expect(byId.get('whisper-large-v3-turbo')?.languages).toContain('yue');
  });
});
