/** Child of the ASR benchmark: sherpa-onnx on the same weights, as its own streaming example drives it. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { readWav, smallModel } from '../../models/transducer/support.ts';
import { serveRounds } from './asr-protocol.ts';

/** The part of sherpa-onnx-node that is used here; the package has no types. */
interface Stream {
  acceptWaveform(wave: { samples: Float32Array; sampleRate: number }): void;
  inputFinished(): void;
}
interface Recognizer {
  createStream(): Stream;
  isReady(stream: Stream): boolean;
  decode(stream: Stream): void;
  getResult(stream: Stream): { text: string };
}
const sherpa = createRequire(import.meta.url)('sherpa-onnx-node') as {
  OnlineRecognizer: new (config: object) => Recognizer;
};

const SAMPLE_RATE = 16_000;
/** Silence its Node examples append, in seconds. */
const TAIL_PADDING = 0.5;

const { snapshot, settings } = smallModel();
const recognizer = new sherpa.OnlineRecognizer({
  featConfig: { sampleRate: SAMPLE_RATE, featureDim: 80 },
  modelConfig: {
    transducer: {
      encoder: join(snapshot, settings.encoder),
      decoder: join(snapshot, settings.decoder),
      joiner: join(snapshot, settings.joiner),
    },
    tokens: join(snapshot, settings.tokens),
    numThreads: 1,
    provider: 'cpu',
  },
  decodingMethod: 'greedy_search',
  enableEndpoint: false,
});

serveRounds(async (file) => {
  const samples = readWav(file);
  const start = performance.now();
  const stream = recognizer.createStream();
  stream.acceptWaveform({ samples, sampleRate: SAMPLE_RATE });
  stream.acceptWaveform({ samples: new Float32Array(SAMPLE_RATE * TAIL_PADDING), sampleRate: SAMPLE_RATE });
  stream.inputFinished();
  while (recognizer.isReady(stream)) recognizer.decode(stream);
  const { text } = recognizer.getResult(stream);
  return { milliseconds: performance.now() - start, text: text.trim() };
});
