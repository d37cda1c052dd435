/** Child of the ASR benchmark: our transducer, without voice activity detection. */
import { transcribePcm } from '../../../backend/src/models/transducer/transcribe.ts';
import { loadSmallModel, readWav } from '../../models/transducer/support.ts';
import { serveRounds } from './asr-protocol.ts';

const model = await loadSmallModel(process.argv[2] ?? '');

serveRounds(async (file) => {
  const pcm = readWav(file);
  const start = performance.now();
  const { text } = await transcribePcm(model, [pcm]);
  return { milliseconds: performance.now() - start, text };
});
