/** The same recording in other containers and codecs, made by the real ffmpeg. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Arguments between input and output, by file extension. */
const ENCODERS: Record<string, string[]> = {
  webm: ['-c:a', 'libopus', '-b:a', '48k'],
  m4a: ['-c:a', 'aac', '-b:a', '96k'],
  mp3: ['-c:a', 'libmp3lame', '-b:a', '96k'],
  flac: ['-c:a', 'flac'],
  ogg: ['-c:a', 'libvorbis', '-q:a', '5'],
  mp4: ['-c:v', 'mpeg4', '-c:a', 'aac', '-b:a', '96k', '-shortest'],
};
export const FORMATS = Object.keys(ENCODERS);

/** Encodes `source` as `dir/clip.<format>` and returns its bytes; mp4 gets a moving picture beside the sound. */
export async function encodeAs(format: string, source: string, dir: string): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = ENCODERS[format];
  if (encoder === undefined) throw new Error(`no encoder for ${format}`);
  const picture = format === 'mp4' ? ['-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=10'] : [];
  return await ffmpeg(['-i', source, ...picture, ...encoder], join(dir, `clip.${format}`));
}

/** The recording as a wav of some 12 MB per ten seconds. */
export async function encodeLarge(source: string, dir: string): Promise<Uint8Array<ArrayBuffer>> {
  return await ffmpeg(['-i', source, '-ar', '192000', '-ac', '2', '-c:a', 'pcm_s24le'], join(dir, 'large.wav'));
}

/** A 16 kHz mono wav of a sine. */
export async function sineWav(seconds: number, dir: string): Promise<Uint8Array<ArrayBuffer>> {
  const source = `sine=frequency=440:duration=${seconds}:sample_rate=16000`;
  return await ffmpeg(['-f', 'lavfi', '-i', source], join(dir, `sine-${seconds}.wav`));
}

async function ffmpeg(args: string[], output: string): Promise<Uint8Array<ArrayBuffer>> {
  await run('ffmpeg', ['-nostdin', '-hide_banner', '-v', 'error', '-y', ...args, output]);
  return new Uint8Array(await readFile(output));
}
