/** Where the time goes, in this process: each part of a transcription alone, on one clip. */

import { decodeAudio } from '../../../backend/src/audio/decode.ts';
import { createFilterbank, LHOTSE_FILTERBANK } from '../../../backend/src/audio/features.ts';
import type { OpenedSession } from '../../../backend/src/audio/session.ts';
import { createSpeechDetector } from '../../../backend/src/audio/vad.ts';
import { transcribePcm } from '../../../backend/src/models/transducer/transcribe.ts';
import { loadSmallModel, openOnOneThread, openVad, readWav } from '../../models/transducer/support.ts';
import { median } from './median.ts';

export interface Part {
  name: string;
  milliseconds: number;
  /** Graph runs. */
  runs?: number;
}

const REPEATS = 9;

export async function measureParts(wav: string, compressed: string, derivedFolder: string): Promise<Part[]> {
  const pcm = readWav(wav);
  const graphs = new Map<string, { milliseconds: number; runs: number }>();
  const model = await loadSmallModel(derivedFolder, {
    open: async (path) => timed(await openOnOneThread(path), roleOf(path), graphs),
  });
  const vad = await openVad();

  const decode = (path: string) => async (): Promise<void> => {
    const limits = { maxSeconds: 3600, maxDecodedBytes: 2 ** 30 };
    for await (const _ of decodeAudio(path, { signal: new AbortController().signal, ...limits }));
  };
  const detect = async (): Promise<void> => {
    const detector = createSpeechDetector(vad);
    await detector.accept(pcm);
    await detector.finish();
  };
  const filterbank = createFilterbank(LHOTSE_FILTERBANK);
  const features = async (): Promise<void> => {
    const extractor = filterbank.stream();
    const ignore = (): void => {};
    for (let at = 0; at < pcm.length; at += 5120) extractor.accept(pcm.subarray(at, at + 5120), ignore);
    extractor.finish(ignore);
  };
  const parts: Part[] = [
    { name: 'decode wav (ffmpeg)', milliseconds: await repeated(decode(wav)) },
    { name: 'decode mp3 (ffmpeg)', milliseconds: await repeated(decode(compressed)) },
    { name: 'voice activity', milliseconds: await repeated(detect), runs: Math.ceil(pcm.length / 512) },
    { name: 'features', milliseconds: await repeated(features) },
  ];
  await transcribePcm(model, [pcm]);
  graphs.clear();
  const whole = await repeated(async () => void (await transcribePcm(model, [pcm])));
  for (const [name, { milliseconds, runs }] of graphs) {
    parts.push({ name, milliseconds: milliseconds / REPEATS, runs: runs / REPEATS });
  }
  parts.push({ name: 'PCM → words, without voice activity', milliseconds: whole });
  await model.release();
  await vad.release();
  return parts;
}

function roleOf(path: string): string {
  return ['decoder', 'joiner'].find((role) => path.includes(`${role}-`)) ?? 'encoder';
}

function timed(
  session: OpenedSession,
  role: string,
  graphs: Map<string, { milliseconds: number; runs: number }>,
): OpenedSession {
  return {
    ...session,
    async run(feeds) {
      const start = performance.now();
      const outputs = await session.run(feeds);
      const sum = graphs.get(role) ?? { milliseconds: 0, runs: 0 };
      graphs.set(role, { milliseconds: sum.milliseconds + performance.now() - start, runs: sum.runs + 1 });
      return outputs;
    },
  };
}

async function repeated(action: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i += 1) {
    const start = performance.now();
    await action();
    times.push(performance.now() - start);
  }
  return median(times);
}
