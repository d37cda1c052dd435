/** Child of the diarization benchmark: sherpa-onnx's offline speaker diarization on the same graphs. */
import { createRequire } from 'node:module';
import { serveConversations, taskOf } from './diarization-protocol.ts';

/** The part of sherpa-onnx-node that is used here. */
interface SpeakerDiarization {
  process(samples: Float32Array): { start: number; end: number; speaker: number }[];
  setConfig(config: { clustering: { numClusters: number } }): void;
}
const sherpa = createRequire(import.meta.url)('sherpa-onnx-node') as {
  OfflineSpeakerDiarization: new (config: object) => SpeakerDiarization;
};

const { segmentation, embedding, threads } = taskOf(process.argv[2]);
const common = { numThreads: threads, provider: 'cpu' };
const diarization = new sherpa.OfflineSpeakerDiarization({
  segmentation: { pyannote: { model: segmentation }, ...common },
  embedding: { model: embedding, ...common },
  clustering: { numClusters: 2 },
  // Nothing is thrown away or bridged afterwards, as on our side.
  minDurationOn: 0,
  minDurationOff: 0,
});

serveConversations(async (samples, speakers) => {
  diarization.setConfig({ clustering: { numClusters: speakers } });
  return { turns: diarization.process(samples).length };
});
