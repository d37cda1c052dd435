/** The operator's `max_batch`, and what is said where memory does not suffice for it: with real graphs, but for one that fails. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { OpenedSession } from '../../../backend/src/audio/session.ts';
import whisper from '../../../backend/src/models/whisper/definition.ts';
import { loadWhisper } from '../../../backend/src/models/whisper/load-whisper.ts';
import { openDecoder } from '../../../backend/src/models/whisper/open-decoder.ts';
import { decodeRow } from '../../../backend/src/models/whisper/window-jobs.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { writeWhisperFixture } from '../../support/seeded-weights.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { levelVad } from './support.ts';

const vad = new URL('../../../starter-models/starter-vad/onnx/model.onnx', import.meta.url).pathname;

/** `room`: rows that the decoder's memory suffices for. */
async function load(maxBatch: number | undefined, room = Number.POSITIVE_INFINITY) {
  const memory = { room };
  const dir = await tempDir();
  await writeWhisperFixture('en', dir);
  const model = whisper.models.find(({ id }) => id === 'whisper-tiny.en');
  if (model === undefined) throw new Error('there is no whisper-tiny.en');
  const logged: Record<string, unknown>[] = [];
  const narrow = (session: OpenedSession): OpenedSession => ({
    ...session,
    async run(feeds) {
      const [rows = 0] = feeds.input_ids?.dims ?? [];
      if (rows > memory.room) throw new Error('CUDA failure 2: out of memory ; GPU=0');
      return session.run(feeds);
    },
  });
  const loaded = await loadWhisper(
    {
      model,
      dtype: 'fp32',
      maxBatch,
      file: (name) => join(dir, name),
      auxiliaryFile: () => vad,
      derivedFolder: async () => dir,
      openSession: async (graph, options = {}) =>
        graph === vad ? levelVad : narrow(await openSession(graph, { threads: 1, device: 'cpu', ...options })),
      tools: { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' },
      log: (message, fields = {}) => logged.push({ message, ...fields }),
    },
    openDecoder,
  );
  return { loaded, logged, memory };
}

it('takes the place of the family’s own choice', async () => {
  for (const [asked, expected] of [
    [undefined, 4],
    [7, 7],
  ] as const) {
    const { loaded } = await load(asked);
    expect(loaded.scheduler.maxBatch).toBe(expected);
    await loaded.release();
  }
});

it.each(['from the start', 'later'])(
  'falls, and the log has it, when a batch needs more memory than there is %s; the texts are the same',
  async (when) => {
    const windows = [0.1, 0.2, 0.3, 0.4].map((level) => Float32Array.from({ length: 16_000 }, () => level));
    const write = async ({ loaded }: Awaited<ReturnType<typeof load>>) => {
      const prompt = loaded.prompt({ language: 'en', task: 'transcribe', timestamps: false });
      const lane = loaded.scheduler.open(new AbortController().signal);
      return Promise.all(
        windows.map((pcm) =>
          decodeRow(lane, { audio: { pcm }, prompt, temperature: 0, timestamps: false, beamSize: 1 }),
        ),
      );
    };
    const roomy = await load(4);
    const narrow = await load(4, when === 'later' ? undefined : 2);
    narrow.memory.room = 2;
    const expected = await write(roomy);
    const written = await write(narrow);
    expect(written.map(({ tokens }) => tokens)).toEqual(expected.map(({ tokens }) => tokens));
    expect(narrow.loaded.scheduler.maxBatch).toBe(2);
    expect(roomy.logged).toEqual([]);
    expect(narrow.logged).toEqual([
      {
        message: 'memory ran out: smaller batches from now on',
        max_batch: 2,
        reason: 'CUDA failure 2: out of memory ; GPU=0',
      },
    ]);
    await roomy.loaded.release();
    await narrow.loaded.release();
  },
);
