/** Where the audio of a request is: in its part "file", or at a URL. */
import { join } from 'node:path';
import { GatewayError } from '../../errors.ts';
import type { LocalAudio } from '../../services/audio-jobs.ts';
import type { Upload } from '../upload.ts';

export type FetchInput = (options: { url: string; path: string; signal: AbortSignal }) => Promise<{
  bytes: number;
  sha256: string;
  fileName: string | undefined;
}>;

/** @throws missing_required_parameter, invalid_value, audio_too_short */
export function audioSource({ file, fields }: Upload): LocalAudio | { url: string } {
  const { url } = fields;
  if (url !== undefined && url !== '') {
    if (file !== undefined) {
      throw new GatewayError('invalid_value', {
        message: 'Send the audio as `file` or as `url`, not both.',
        param: 'url',
      });
    }
    if (typeof url !== 'string') throw new GatewayError('invalid_value', { message: 'Send one `url`.', param: 'url' });
    return { url: url.trim() };
  }
  if (file === undefined) {
    const asText = Object.hasOwn(fields, 'file');
    throw new GatewayError('missing_required_parameter', {
      message: asText
        ? 'The part "file" came as text: send it as a file, with a filename (curl: -F file=@speech.wav).'
        : 'You must provide the audio in a part named "file", or its address in a field "url".',
      param: 'file',
    });
  }
  if (file.bytes === 0) {
    throw new GatewayError('audio_too_short', { message: 'The audio file is empty.', param: 'file' });
  }
  return file;
}

/** The audio on disk, fetched into the request's own folder if need be. */
export async function fetchAudio(
  source: LocalAudio | { url: string },
  { dir }: Upload,
  fetch: FetchInput,
  signal: AbortSignal,
): Promise<LocalAudio> {
  if (!('url' in source)) return source;
  const path = join(dir, 'fetched');
  const { bytes, sha256, fileName } = await fetch({ url: source.url, path, signal });
  if (bytes === 0) throw new GatewayError('audio_too_short', { message: 'The audio file is empty.', param: 'url' });
  return { path, bytes, sha256: async () => sha256, name: fileName };
}
