/** Audio that several models hear: decoded by the first of them, read by the others. */
import { existsSync } from 'node:fs';
import { readPcmFile, writePcmFile } from './pcm-file.ts';

type Chunks = AsyncIterable<Float32Array> | Iterable<Float32Array>;

/** @param pcmPath of the decoded audio, which is written where it is missing; undefined where nobody else wants it. */
export async function* decodeOnce(decode: () => Chunks, pcmPath: string | undefined): AsyncGenerator<Float32Array> {
  if (pcmPath === undefined) {
    yield* decode();
    return;
  }
  if (!existsSync(pcmPath)) await writePcmFile(pcmPath, decode());
  yield* readPcmFile(pcmPath);
}
