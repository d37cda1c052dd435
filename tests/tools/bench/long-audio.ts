/** Audio of any length to transcribe: recorded speech again and again, with pauses of all lengths between. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { decodeAudio } from '../../../backend/src/audio/decode.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { shared } from '../../support/shared.ts';

const RATE = 16_000;
const CLIPS = ['jfk.wav', 'leopard-en.wav', 'leopard-de.wav', 'leopard-es.wav', 'leopard-fr.wav', 'leopard-ja.wav'];

/** Writes a FLAC file of so many seconds. */
export async function writeLongAudio(path: string, seconds: number): Promise<void> {
  const clips = await Promise.all(CLIPS.map((name) => decodeClip(shared('audio/speech', name))));
  await writeFlac(path, pieces(clips, Math.round(seconds * RATE)));
}

/** 16 kHz mono, 16 bits: decoding gives the samples back exactly. `samples` are s16le. */
export async function writeFlac(path: string, samples: Iterable<Uint8Array>): Promise<void> {
  const args = ['-v', 'error', '-f', 's16le', '-ar', `${RATE}`, '-ac', '1', '-i', 'pipe:0', '-y', path];
  const ffmpeg = spawn('ffmpeg', args, { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = once(ffmpeg, 'close');
  await pipeline(Readable.from(samples), ffmpeg.stdin);
  const [code] = await ended;
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}`);
}

/** 16 kHz mono. */
export async function decodeClip(path: string): Promise<Int16Array> {
  const samples: number[] = [];
  const options = { signal: new AbortController().signal, maxSeconds: 600, maxDecodedBytes: 2 ** 28 };
  for await (const chunk of decodeAudio(path, options)) for (const sample of chunk) samples.push(sample * 32_767);
  return Int16Array.from(samples);
}

/** s16le; one pause in three is longer than a window may bridge, one in four none at all. */
function* pieces(clips: readonly Int16Array[], samples: number): Generator<Uint8Array> {
  const random = seededRandom(3);
  for (let left = samples; left > 0; ) {
    const clip = clips[Math.floor(random() * clips.length)] ?? new Int16Array();
    const pause = random() < 0.25 ? 0 : 0.15 + random() ** 2 * 12;
    for (const part of [clip, new Int16Array(Math.round(pause * RATE))]) {
      const taken = part.subarray(0, left);
      left -= taken.length;
      yield new Uint8Array(taken.buffer, taken.byteOffset, taken.byteLength);
    }
  }
}
