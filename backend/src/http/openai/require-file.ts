import { GatewayError } from '../../errors.ts';
import type { Upload } from '../upload.ts';

/** Path of the uploaded audio. @throws missing_required_parameter, audio_too_short */
export function requireFile({ file, fields }: Upload): string {
  if (file === undefined) {
    const asText = Object.hasOwn(fields, 'file');
    throw new GatewayError('missing_required_parameter', {
      message: asText
        ? 'The part "file" came as text: send it as a file, with a filename (curl: -F file=@speech.wav).'
        : 'You must provide the audio in a part named "file".',
      param: 'file',
    });
  }
  if (file.bytes === 0) {
    throw new GatewayError('audio_too_short', { message: 'The audio file is empty.', param: 'file' });
  }
  return file.path;
}
