/** A multipart request body, ready to be sent again and again. */
export const FORM_TYPE = 'multipart/form-data; boundary=benchmark-boundary';

/** Text fields, then the start of the file part; the file's bytes and `FORM_TAIL` follow. */
export function formHead(fields: Record<string, string>): Buffer {
  const parts = Object.entries(fields).map(([name, value]) => {
    return `--benchmark-boundary\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  });
  const file = 'Content-Disposition: form-data; name="file"; filename="speech.wav"\r\nContent-Type: audio/wav\r\n\r\n';
  return Buffer.from(`${parts.join('')}--benchmark-boundary\r\n${file}`);
}

export const FORM_TAIL = Buffer.from('\r\n--benchmark-boundary--\r\n');

export function speechForm(fields: Record<string, string>, file: Uint8Array): Buffer {
  return Buffer.concat([formHead(fields), file, FORM_TAIL]);
}
