import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

/** Lays the echo model's one file down as a download would have left it; returns its snapshot folder. */
export async function putEchoSnapshot(cacheDir: string): Promise<string> {
  const repo = join(cacheDir, 'models--fake--echo');
  const snapshot = join(repo, 'snapshots', COMMIT);
  await mkdir(snapshot, { recursive: true });
  await mkdir(join(repo, 'refs'), { recursive: true });
  await writeFile(join(snapshot, 'marker.txt'), 'echo\n');
  await writeFile(join(repo, 'refs', 'main'), COMMIT);
  return snapshot;
}
