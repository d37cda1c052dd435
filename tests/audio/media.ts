/** Small media files for tests, made by the real ffmpeg, and what a decode of them gave. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DecodeOptions, decodeAudio } from '../../backend/src/audio/decode.ts';
import { GatewayError } from '../../backend/src/errors.ts';

const run = promisify(execFile);

/** Runs ffmpeg with these arguments; the last one is the output. */
export async function ffmpeg(...args: string[]): Promise<void> {
  await run('ffmpeg', ['-nostdin', '-hide_banner', '-v', 'error', '-y', ...args]);
}

/** Input arguments: a sine of that many seconds. */
export function sine(seconds: number, rate = 44_100): string[] {
  return ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}:sample_rate=${rate}`];
}

/** Input arguments: a moving picture of that many seconds. */
export function picture(seconds: number): string[] {
  return ['-f', 'lavfi', '-i', `testsrc=duration=${seconds}:size=64x64:rate=10`];
}

/** A file → 16 kHz mono samples in one piece, by ffmpeg without any of our limits. */
export async function decodeAtOnce(path: string): Promise<Float32Array> {
  const args = ['-nostdin', '-v', 'quiet', '-i', path, '-map', '0:a:0', '-ac', '1', '-ar', '16000', '-f', 'f32le', '-'];
  const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 2 ** 30 });
  return new Float32Array(Uint8Array.from(stdout).buffer);
}

/** Options with room for everything a test makes. */
export function roomy(options: Partial<DecodeOptions> = {}): DecodeOptions {
  return { signal: new AbortController().signal, maxSeconds: 3600, maxDecodedBytes: 2 ** 30, ...options };
}

/** All chunks of a decode. */
export async function decodeAll(path: string, options: Partial<DecodeOptions> = {}): Promise<Float32Array[]> {
  const chunks: Float32Array[] = [];
  for await (const chunk of decodeAudio(path, roomy(options))) chunks.push(chunk);
  return chunks;
}

export function countSamples(chunks: readonly Float32Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

/** The GatewayError a promise rejects with; any other outcome fails the test. */
export async function refusal(outcome: Promise<unknown>): Promise<GatewayError> {
  const error: unknown = await outcome.then(
    (value) => new Error(`expected a refusal, got ${String(value).slice(0, 100)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof GatewayError) return error;
  throw error;
}

/** A program standing in for ffmpeg: a shell script with that body. */
export async function fakeProgram(dir: string, body: string): Promise<string> {
  const path = join(dir, 'ffmpeg');
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}

/** Command lines of this machine's processes that name `text`, for example a test's own folder. */
export function processesNaming(text: string): string[] {
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return ''; // it ended meanwhile
      }
    });
  return commands.filter((command) => command.includes(text));
}
