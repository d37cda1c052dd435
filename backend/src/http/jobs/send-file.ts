/** A file of the artifact store as an answer, whole or in part. */
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import type { ArtifactStore } from '../../jobs/artifacts.ts';
import { contextOf } from '../request-context.ts';
import { parseByteRange } from './byte-range.ts';

export interface FileToSend {
  key: string;
  /** As the caller may save it: any text. */
  name: string;
  content_type: string;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
}

/** Answers 200, 206, 304 or 416. @throws artifact_not_found */
export async function sendFile(
  request: Request,
  response: Response,
  { artifacts, file }: { artifacts: ArtifactStore; file: FileToSend },
): Promise<void> {
  const etag = `"${file.sha256}"`;
  // A plain name as ever; what needs an encoding is Express's to encode.
  if (/^[\w.-]+$/.test(file.name)) response.set('content-disposition', `attachment; filename="${file.name}"`);
  else response.attachment(file.name);
  response.set({
    'content-type': file.content_type,
    'x-content-type-options': 'nosniff',
    'content-security-policy': 'sandbox',
    'cache-control': 'private, no-cache',
    'accept-ranges': 'bytes',
    etag,
  });
  const seen = request.headers['if-none-match'];
  if (seen !== undefined && (seen === '*' || seen.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag))) {
    response.status(304).end();
    return;
  }
  const validator = request.headers['if-range'];
  const asked = validator === undefined || validator === etag ? request.headers.range : undefined;
  const range = parseByteRange(asked, file.bytes);
  if (range === 'outside') {
    response.status(416).set('content-range', `bytes */${file.bytes}`).removeHeader('content-type');
    response.end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: file.bytes - 1 };
  if (range !== undefined) response.status(206).set('content-range', `bytes ${start}-${end}/${file.bytes}`);
  response.set('content-length', String(end - start + 1));
  if (request.method === 'HEAD' || file.bytes === 0) {
    response.end();
    return;
  }
  const content = await artifacts.get(file.key, { start, end });
  const { signal } = contextOf(response);
  await pipeline(content, response, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
