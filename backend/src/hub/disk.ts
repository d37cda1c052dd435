/** File-system steps of the cache: whole writes, durable renames, room. */
import { type FileHandle, mkdir, open, rename, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GatewayError } from '../errors.ts';
import { syncFolder } from '../sync-folder.ts';

/** Writes all bytes at a position. Throws `insufficient_storage` when the disk is full. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done).catch(diskFull);
    done += bytesWritten;
  }
}

/** Replaces a file in one step: readers see the old content or the new. `temporary` lies on the same file system. */
export async function replaceFile(path: string, temporary: string, content: string): Promise<void> {
  {
    await using handle = await open(temporary, 'w');
    await handle.writeFile(content).catch(diskFull);
    await handle.sync();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Of the disk that the folder is on, what this program may take. The folder is made when absent. */
export async function freeBytes(folder: string): Promise<number> {
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Throws `insufficient_storage` unless `bytes` fit on the folder's disk with `keepFreeBytes` left over. */
export async function requireFreeBytes(folder: string, bytes: number, keepFreeBytes: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free >= bytes + keepFreeBytes) return;
  throw new GatewayError('insufficient_storage', {
    message: `The model cache's disk has ${gigabytes(free)} free; the download needs ${gigabytes(bytes)} and ${gigabytes(keepFreeBytes)} must stay free. Delete models or enlarge the disk.`,
    detail: { free, bytes, keepFreeBytes },
  });
}

function diskFull(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT') throw error;
  throw new GatewayError('insufficient_storage', {
    message: "The model cache's disk is full. Delete models or enlarge the disk, then download again.",
    cause: error,
  });
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
