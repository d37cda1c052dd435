/** The model of the long-file benchmark, in a folder as a repository, and opened in the process at hand. */
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import whisper from '../../../backend/src/models/whisper/definition.ts';
import { type LoadedWhisper, loadWhisper } from '../../../backend/src/models/whisper/load-whisper.ts';
import { openDecoder } from '../../../backend/src/models/whisper/open-decoder.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { writeWhisperShape } from '../../fixtures/whisper/shapes/write-shape.ts';
import { writeWhisperFixture } from '../../support/seeded-weights.ts';
import { shared } from '../../support/shared.ts';

export const LONG_MODEL = 'whisper-tiny';
export const LONG_VAD = 'hub/onnx-community/silero-vad';

/** `tiny`: the real size and the real vocabulary; else the small model of the tests. */
export async function writeLongModel(dir: string, shape: 'tiny' | undefined): Promise<void> {
  await mkdir(dir, { recursive: true });
  if (shape === undefined) {
    await writeWhisperFixture('multilingual', dir);
    return;
  }
  await writeWhisperShape(shape, dir);
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'preprocessor_config.json']) {
    await copyFile(shared('hub/onnx-community/whisper-tiny', name), join(dir, name));
  }
}

export async function whisperOf({ model: dir, vad }: { model: string; vad: string }): Promise<LoadedWhisper> {
  const model = whisper.models.find(({ id }) => id === LONG_MODEL);
  if (model === undefined) throw new Error(`there is no ${LONG_MODEL}`);
  return loadWhisper(
    {
      model,
      dtype: model.dtypes?.defaults.cpu,
      file: (name) => join(dir, name),
      auxiliaryFile: () => vad,
      derivedFolder: async () => join(dir, 'derived'),
      openSession: (graph, options = {}) => openSession(graph, { threads: 2, device: 'cpu', ...options }),
      tools: { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' },
      log: (text, fields) => console.error(text, fields),
    },
    openDecoder,
  );
}
