import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { OpenedSession, SessionOptions } from '../../backend/src/audio/session.ts';
import { createSpeechDetector } from '../../backend/src/audio/vad.ts';
import { manyWindows, openSpeechGraph } from '../../backend/src/models/speech-graph.ts';
import { openSession } from '../../backend/src/worker/onnx.ts';
import { describeWithShared, shared } from '../support/shared.ts';
import { readWav, SPEECH } from './transducer/support.ts';

const STARTER = new URL('../../starter-models/starter-vad/onnx/model.onnx', import.meta.url).pathname;
const WINDOW_BY_WINDOW = 'the detector hears window by window, its weights do not fit the graph for many';
const silero = () => shared('hub/onnx-community/silero-vad/onnx/model.onnx');

/** Opens as a worker does, and notes what is asked for. */
function recorded(dress = (session: OpenedSession, _graph: string | Uint8Array) => session) {
  const asked: { graph: string | Uint8Array; options: SessionOptions }[] = [];
  const logged: string[] = [];
  let open = 0;
  return {
    asked,
    logged,
    stillOpen: () => open,
    openSession: async (graph: string | Uint8Array, options: SessionOptions = {}) => {
      asked.push({ graph, options });
      const session = await openSession(graph, { threads: 1, device: 'cpu' });
      open += 1;
      const release = async () => {
        open -= 1;
        await session.release();
      };
      return dress({ ...session, release }, graph);
    },
    log: (message: string) => void logged.push(message),
  };
}

async function opened(context: ReturnType<typeof recorded>, path: string): Promise<OpenedSession> {
  const session = await openSpeechGraph(context, path);
  onTestFinished(() => session.release());
  expect(context.stillOpen()).toBe(1);
  expect(context.asked.every(({ options }) => options.onCpu === true && options.threads === 1)).toBe(true);
  return session;
}

/** In seconds' pieces, as audio is heard. */
async function heard(session: OpenedSession, pcm: Float32Array) {
  const detector = createSpeechDetector(session);
  for (let at = 0; at < pcm.length; at += 16_000) await detector.accept(pcm.subarray(at, at + 16_000));
  await detector.finish();
  return detector;
}

it('runs on the CPU, and as it is where it is not Silero’s', async () => {
  const context = recorded();
  await opened(context, STARTER);
  expect(context.asked.map(({ graph }) => graph)).toEqual([STARTER]);
  expect(manyWindows(await readFile(STARTER))).toBeUndefined();
});

describeWithShared('Silero’s graph', () => {
  it.each(['jfk.wav', 'leopard-ja.wav', 'leopard-no-speech.wav'])(
    'hears %s a second at a run as window by window',
    async (name) => {
      const context = recorded();
      let runs = 0;
      const many = await opened(context, silero());
      const counted: OpenedSession = {
        ...many,
        run: (feeds) => {
          runs += 1;
          return many.run(feeds);
        },
      };
      const one = await openSession(silero(), { threads: 1, device: 'cpu' });
      const pcm = readWav(join(SPEECH, name));
      const [expected, actual] = [await heard(one, pcm), await heard(counted, pcm)];
      await one.release();
      expect(actual.probabilities).toHaveLength(Math.ceil(pcm.length / 512));
      const gaps = actual.probabilities.map((value, i) => Math.abs(value - (expected.probabilities[i] ?? Number.NaN)));
      expect(Math.max(...gaps)).toBeLessThan(1e-5);
      expect(actual.segments).toEqual(expected.segments);
      expect(runs).toBeLessThanOrEqual(Math.ceil(pcm.length / 16_000) + 1);
      expect(context.logged).toEqual([]);
    },
  );

  it('stays as it is where the other one gives something else, and the log says so', async () => {
    const wrong = recorded((session, graph) => ({
      ...session,
      run: async (feeds) => {
        const outputs = await session.run(feeds);
        const { probabilities } = outputs;
        if (typeof graph !== 'string') (probabilities?.data as Float32Array)[3] = 2;
        return outputs;
      },
    }));
    const session = await opened(wrong, silero());
    expect(session.inputs.map(({ name }) => name)).toEqual(['input', 'state', 'sr']);
    expect(wrong.logged).toEqual([WINDOW_BY_WINDOW]);
  });

  it('stays as it is where the other one cannot be opened', async () => {
    const context = recorded();
    const { openSession: open } = context;
    context.openSession = async (graph, options) => {
      if (typeof graph !== 'string') throw new Error('Node (Conv) has inconsistent dimensions');
      return open(graph, options);
    };
    expect((await opened(context, silero())).inputs).toHaveLength(3);
    expect(context.logged).toEqual([WINDOW_BY_WINDOW]);
  });
});
