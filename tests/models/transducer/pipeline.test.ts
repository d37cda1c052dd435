import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { OpenedSession } from '../../../backend/src/audio/session.ts';
import type { LoadContext, Pipeline } from '../../../backend/src/models/define-model.ts';
import transducer, { VAD_FILE } from '../../../backend/src/models/transducer/definition.ts';
import { load } from '../../../backend/src/models/transducer/pipeline.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { describeWithShared, shared } from '../../support/shared.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { SPEECH } from './support.ts';

const LIMITS = { maxSeconds: 60, maxDecodedBytes: 2 ** 24 };
const PARAMS = { temperature: 0, words: true };

async function loadPipeline(dress = (session: OpenedSession) => session): Promise<Pipeline<'transcription'>> {
  const [model] = transducer.models;
  if (model === undefined) throw new Error('the family has no models');
  const derived = await tempDir();
  const context: LoadContext = {
    model,
    dtype: undefined,
    file: (name) => shared('hub', model.repo, name),
    auxiliaryFile: (role, name) => {
      expect([role, name]).toEqual(['vad', VAD_FILE]);
      return shared('hub', model.auxiliary?.[role]?.repo ?? '', name);
    },
    derivedFolder: async () => derived,
    openSession: async (graph, { threads = 2 } = {}) => dress(await openSession(graph, { threads, device: 'cpu' })),
    tools: { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' },
    log: () => {},
  };
  return load(context);
}

describeWithShared('the transducer pipeline', () => {
  it.each(['jfk.mp3', 'jfk.flac'])('transcribes %s as a caller sent it', async (file) => {
    const pipeline = await loadPipeline();
    const deltas: string[] = [];
    const result = await pipeline.run({ audioPath: join(SPEECH, file), limits: LIMITS }, PARAMS, {
      signal: new AbortController().signal,
      emit: (event) => deltas.push(event.type === 'delta' ? event.delta : ''),
    });
    expect(result.text).toMatch(/ASK WHAT YOU CAN DO FOR YOUR COUNTRY$/);
    expect(deltas.length).toBeGreaterThan(5);
    expect(deltas.join('')).toBe(result.text);
    expect(result.duration).toBeCloseTo(11, 1);
    await pipeline.dispose();
  });

  it("takes a caller's detector settings: nothing passes a threshold of 1", async () => {
    const pipeline = await loadPipeline();
    const chunking = { type: 'server_vad', prefix_padding_ms: 300, silence_duration_ms: 200, threshold: 1 } as const;
    const input = { audioPath: join(SPEECH, 'jfk.wav'), limits: LIMITS };
    const context = { signal: new AbortController().signal, emit: () => {} };
    expect((await pipeline.run(input, { ...PARAMS, chunking }, context)).text).toBe('');
    await pipeline.dispose();
  });

  it('says so when memory runs out, and works on', async () => {
    let failures = 1;
    const pipeline = await loadPipeline((session) => ({
      ...session,
      async run(feeds) {
        // The encoder's.
        if ('x' in feeds && failures-- > 0) throw new Error('Failed to allocate memory for requested buffer of size 1');
        return session.run(feeds);
      },
    }));
    const input = { audioPath: join(SPEECH, 'jfk.wav'), limits: LIMITS };
    const context = { signal: new AbortController().signal, emit: () => {} };
    await expect(pipeline.run(input, PARAMS, context)).rejects.toMatchObject({ code: 'out_of_memory' });
    expect((await pipeline.run(input, PARAMS, context)).text).toMatch(/COUNTRY$/);
    await pipeline.dispose();
  });

  it('stops when its request is cancelled', async () => {
    const pipeline = await loadPipeline();
    const controller = new AbortController();
    const running = pipeline.run({ audioPath: join(SPEECH, 'jfk.wav'), limits: LIMITS }, PARAMS, {
      signal: controller.signal,
      emit: () => controller.abort(new Error('cancelled')),
    });
    await expect(running).rejects.toThrow('cancelled');
    await pipeline.dispose();
  });
});
