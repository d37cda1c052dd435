/** Files of a job as one zip. */
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { ZipFile } from 'yazl';
import type { ArtifactStore } from '../../jobs/artifacts.ts';
import { contextOf } from '../request-context.ts';

export interface ZipAnswer {
  /** Of the zip. */
  name: string;
  files: readonly { name: string; key: string; bytes: number }[];
  artifacts: ArtifactStore;
  /** Of audio that was worked on. */
  seconds: number;
}

/** The files as they are: audio hardly gets smaller. One after the other, so that few are open. */
export async function sendZip(response: Response, { name, files, artifacts, seconds }: ZipAnswer): Promise<void> {
  const { signal } = contextOf(response);
  const zip = new ZipFile();
  response.type('application/zip').set({
    'content-disposition': `attachment; filename="${name}"`,
    'x-content-type-options': 'nosniff',
    'x-audio-seconds': String(Math.ceil(seconds)),
  });
  const sent = pipeline(zip.outputStream, response, { signal });
  const add = async () => {
    for (const { name: inside, key, bytes } of files) {
      const content = await artifacts.get(key);
      zip.addReadStream(content, inside, { compress: false, size: bytes });
      await once(content, 'close', { signal });
    }
    zip.end();
  };
  await Promise.all([sent, add()]).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
