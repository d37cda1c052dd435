/** An app that serves tiny Whisper models from a hub of its own, through the real worker; what they write is no language. */
import { readFile } from 'node:fs/promises';
import { type Api, startApi } from '../api/start-api.ts';
import { startFakeHub } from './fake-hub.ts';
import { whisperFixture } from './seeded-weights.ts';
import { shared } from './shared.ts';

/** Transcribes and translates, with word times. */
export const WHISPER = 'whisper-tiny_timestamped';
export const WHISPER_ENGLISH = 'whisper-tiny.en';
export const CLIP = shared('audio/speech/jfk.wav');

const VAD = 'onnx/model.onnx';

/** `whisper-1` is `WHISPER`. Needs the reference material. */
export async function startWhisperApi(): Promise<Api> {
  const hub = await startFakeHub({
    repos: {
      [`onnx-community/${WHISPER}`]: await whisperFixture('timestamped'),
      [`onnx-community/${WHISPER_ENGLISH}`]: await whisperFixture('en'),
      'onnx-community/silero-vad': { [VAD]: await readFile(shared('hub/onnx-community/silero-vad', VAD)) },
    },
  });
  const api = await startApi({ env: { HF_ENDPOINT: hub.url, MODEL_ALIASES: `whisper-1=${WHISPER}` } });
  return {
    ...api,
    async close() {
      await api.close();
      await hub.close();
    },
  };
}
