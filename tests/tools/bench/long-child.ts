/**
 * Child of the long-file benchmark: a job that writes the PCM once, transcribes from there and stops in the middle, or
 * one that goes on from what the first has stored.
 */
import { writeFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeAudio } from '../../../backend/src/audio/decode.ts';
import { readPcmFile, writePcmFile } from '../../../backend/src/audio/pcm-file.ts';
import type { TranscriptWindow } from '../../../backend/src/contract/transcription.ts';
import type { TranscribeOptions } from '../../../backend/src/models/whisper/request.ts';
import type { ResumePoint } from '../../../backend/src/models/whisper/resume.ts';
import { transcribePcm } from '../../../backend/src/models/whisper/transcribe.ts';
import { whisperOf } from './long-model.ts';
import type { LongReply, LongTask } from './long-protocol.ts';

const task: LongTask = JSON.parse(process.argv[2] ?? '');
const model = await whisperOf(task);
const stored = join(task.folder, 'stored.json');
const pcm = join(task.folder, 'audio.s16');
const started = performance.now();
const reply = task.stopAt === undefined ? await goOn() : await stopInTheMiddle(task.stopAt);
const seconds = (performance.now() - started) / 1000;
process.send?.({ ...reply, seconds } satisfies LongReply);
await model.release();
// A large message takes time: the parent says when it has it.
process.on('disconnect', () => process.exit(0));

async function stopInTheMiddle(stopAt: number): Promise<Omit<LongReply, 'seconds'>> {
  const limits = { maxSeconds: Number.POSITIVE_INFINITY, maxDecodedBytes: Number.POSITIVE_INFINITY };
  await writePcmFile(pcm, decodeAudio(task.audio, { signal: new AbortController().signal, ...limits }));
  const stop = new AbortController();
  const windows: TranscriptWindow[] = [];
  const options: TranscribeOptions = {
    ...task.options,
    signal: stop.signal,
    onWindow: (window, position) => {
      windows.push(window);
      if (window.end < stopAt || stop.signal.aborted) return;
      stop.abort(new Error('stopped'));
      const point: ResumePoint = { windows, position };
      writeFileSync(stored, JSON.stringify(point));
    },
  };
  const failure: unknown = await transcribePcm(model, readPcmFile(pcm), options).then(
    () => new Error('it ended before it could be stopped'),
    (error: unknown) => error,
  );
  if (!stop.signal.aborted) throw failure;
  return { spans: [], result: undefined, storedBytes: 0 };
}

async function goOn(): Promise<Omit<LongReply, 'seconds'>> {
  const point: ResumePoint = JSON.parse(await readFile(stored, 'utf8'));
  const windows = [...point.windows];
  const result = await transcribePcm(model, readPcmFile(pcm, point.position.sample), {
    ...task.options,
    resumeFrom: point,
    onWindow: (window) => windows.push(window),
  });
  const spans = windows.map(({ start, end }): [number, number] => [start, end]);
  return { spans, result, storedBytes: (await stat(stored)).size };
}
