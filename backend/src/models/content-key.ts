import { createHash } from 'node:crypto';
import { open, realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** A file's content as a hash. The hub's cache names its files by theirs, verified at download: those need no reading. */
export async function contentKey(path: string): Promise<string> {
  const real = await realpath(path);
  const name = basename(real);
  if (basename(dirname(real)) === 'blobs' && /^[0-9a-f]{40,64}$/.test(name)) return name;
  const hash = createHash('sha256');
  // One buffer: those of a stream pile up, hundreds of megabytes of them, until the garbage is collected.
  const chunk = Buffer.allocUnsafe(1 << 20);
  const file = await open(real);
  try {
    for (let read = await file.read(chunk); read.bytesRead > 0; read = await file.read(chunk)) {
      hash.update(chunk.subarray(0, read.bytesRead));
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
