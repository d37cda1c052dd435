/** The audio of a job as a file to give back. */
import { buffer } from 'node:stream/consumers';
import { GatewayError } from '../errors.ts';
import type { JobRow } from '../store/jobs.ts';
import type { ArtifactStore } from './artifacts.ts';

export interface InputFile {
  key: string;
  name: string;
  content_type: string;
  bytes: number;
  sha256: string;
}

/** First bytes (https://mimesniff.spec.whatwg.org/#matching-an-audio-or-video-type-pattern) → type. */
const SIGNATURES: readonly [pattern: RegExp, type: string][] = [
  [/^RIFF.{4}WAVE/s, 'audio/wav'],
  [/^fLaC/, 'audio/flac'],
  [/^OggS/, 'audio/ogg'],
  [/^ID3|^\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]/, 'audio/mpeg'],
  [/^\xff[\xf0\xf1\xf8\xf9]/, 'audio/aac'],
  [/^.{4}ftyp/s, 'audio/mp4'],
  [/^.E\xdf\xa3/s, 'audio/webm'],
  [/^FORM.{4}AIF/s, 'audio/aiff'],
];
const SIGNATURE_BYTES = 12;

/** @throws input_deleted, also when it has not been fetched yet. */
export async function inputFile(artifacts: Pick<ArtifactStore, 'get'>, job: JobRow): Promise<InputFile> {
  const { input_key: key, input_bytes: bytes, input_sha256: sha256 } = job;
  if (key === null || bytes === null || sha256 === null) {
    throw new GatewayError('input_deleted', { message: 'The audio of this job is not here, or not any more.' });
  }
  const head = (await buffer(await artifacts.get(key, { start: 0, end: SIGNATURE_BYTES - 1 }))).toString('latin1');
  const type = SIGNATURES.find(([pattern]) => pattern.test(head))?.[1] ?? 'application/octet-stream';
  return { key, name: job.input_name ?? 'audio', content_type: type, bytes, sha256 };
}
