/** Streaming zipformer transducers by k2-fsa (icefall), as exported for sherpa-onnx. */
import { defineModel, type ModelDefinition } from '../define-model.ts';

/** File names inside the model's repository, and what else differs from model to model. */
export interface TransducerSettings {
  encoder: string;
  decoder: string;
  joiner: string;
  tokens: string;
  /** ISO 639-1; these models know one language each. */
  language: string;
  /** The 3.3M encoder takes 130 ms for 11 s on one thread, 141 on two. Default: the replica's share of the cores. */
  encoderThreads?: number;
}

export const VAD_ROLE = 'vad';
export const VAD_FILE = 'onnx/model.onnx';

interface Listing {
  id: string;
  repo: string;
  revision: string;
  published?: string;
  license?: string;
  estimateBytes: number;
  settings: TransducerSettings;
}

/** A listing → its definition; for repositories of one's own too. */
export function transducer(listing: Listing): ModelDefinition {
  const { id, repo, revision, published, license = 'Apache-2.0', estimateBytes, settings } = listing;
  return {
    id,
    repo,
    revision,
    ...(published === undefined ? {} : { published }),
    files: [settings.encoder, settings.decoder, settings.joiner, settings.tokens],
    languages: [settings.language],
    wordTimes: true,
    license,
    auxiliary: { [VAD_ROLE]: { repo: 'onnx-community/silero-vad', revision: 'main', files: [VAD_FILE] } },
    memory: { estimateBytes },
    concurrency: 4,
    settings,
  };
}

export default defineModel({
  family: 'transducer',
  task: 'transcription',
  // Encoders in int8: a quarter of the download. Decoder and joiner in float32: they are small, and in int8 a frame's
  // logits would depend on the frames it is batched with (one quantization range for all of them).
  models: [
    transducer({
      id: 'zipformer-gigaspeech-3.3m',
      repo: 'csukuangfj/sherpa-onnx-kws-zipformer-gigaspeech-3.3M-2024-01-01-mobile',
      revision: 'main',
      published: '2024-01-01',
      estimateBytes: 200 * 2 ** 20,
      settings: {
        encoder: 'encoder-epoch-12-avg-2-chunk-16-left-64.int8.onnx',
        decoder: 'decoder-epoch-12-avg-2-chunk-16-left-64.onnx',
        joiner: 'joiner-epoch-12-avg-2-chunk-16-left-64.onnx',
        tokens: 'tokens.txt',
        language: 'en',
        encoderThreads: 1,
      },
    }),
    transducer({
      id: 'zipformer-en-2023-06-26',
      repo: 'csukuangfj/sherpa-onnx-streaming-zipformer-en-2023-06-26',
      revision: '6037ea07e3abfe599ad00d418968bcf9656e7472',
      published: '2023-06-26',
      estimateBytes: 500 * 2 ** 20,
      settings: {
        encoder: 'encoder-epoch-99-avg-1-chunk-16-left-128.int8.onnx',
        decoder: 'decoder-epoch-99-avg-1-chunk-16-left-128.onnx',
        joiner: 'joiner-epoch-99-avg-1-chunk-16-left-128.onnx',
        tokens: 'tokens.txt',
        language: 'en',
      },
    }),
    transducer({
      id: 'zipformer-fr-2023-04-14',
      // Its author's repository: the name under csukuangfj answers 401.
      repo: 'shaojieli/sherpa-onnx-streaming-zipformer-fr-2023-04-14',
      revision: '3db9565d9633758d6b87b9a7b3dc09ebfb6b2c73',
      published: '2023-04-14',
      estimateBytes: 600 * 2 ** 20,
      settings: {
        encoder: 'encoder-epoch-29-avg-9-with-averaged-model.int8.onnx',
        decoder: 'decoder-epoch-29-avg-9-with-averaged-model.onnx',
        joiner: 'joiner-epoch-29-avg-9-with-averaged-model.onnx',
        tokens: 'tokens.txt',
        language: 'fr',
      },
    }),
  ],
  registrar: () => import('./registrar.ts'),
  pipeline: () => import('./pipeline.ts'),
});
