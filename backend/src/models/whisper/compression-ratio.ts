import { deflateSync } from 'node:zlib';

/** How often a text repeats itself: its UTF-8 length over its deflated length (openai/whisper, utils.py). */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.length / deflateSync(bytes).length;
}
