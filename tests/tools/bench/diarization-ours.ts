/** Child of the diarization benchmark: our segmentation, embeddings and clustering (VBx). */
import { diarize } from '../../../backend/src/models/pyannote/diarize.ts';
import { samplesOf } from '../../support/parity-clip.ts';
import { openPyannote, readVbx } from './diarization-model.ts';
import { processorMilliseconds, serveConversations, taskOf } from './diarization-protocol.ts';
import { stageClock } from './stage-clock.ts';

const task = taskOf(process.argv[2]);
const model = await openPyannote(task, task.threads, await readVbx());

serveConversations(async (samples, speakers) => {
  const clock = stageClock(processorMilliseconds);
  const { turns } = await diarize(model, {
    audio: samplesOf(samples),
    params: { numSpeakers: speakers, mode: task.mode },
    signal: new AbortController().signal,
    onProgress: (stage, done) => clock.hear({ stage, done }),
  });
  return { turns: turns.length, stages: clock.end() };
});
