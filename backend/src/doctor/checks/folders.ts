/** The folders the gateway writes to: whether it can, and how much more. */
import { randomUUID } from 'node:crypto';
import { access, constants, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DoctorFinding } from '../../contract/doctor.ts';
import { type Check, fail, inWords, ok, reasonOf, warn } from '../check.ts';

export interface FolderCheckOptions {
  /** By the name of the variable that sets it. */
  folders: Readonly<Record<string, string>>;
  /** Free bytes under which uploads and downloads are refused. */
  minFreeBytes: number;
}

/** A network disk that hangs. */
const TIMEOUT_MS = 10_000;

export function folderChecks({ folders, minFreeBytes }: FolderCheckOptions): Check[] {
  return Object.entries(folders).map(([variable, dir]) => {
    const id = `disk.${variable.toLowerCase()}`;
    return { id, timeoutMs: TIMEOUT_MS, run: async () => [await examineFolder({ id, variable, dir, minFreeBytes })] };
  });
}

interface Folder {
  id: string;
  variable: string;
  dir: string;
  minFreeBytes: number;
}

async function examineFolder({ id, variable, dir, minFreeBytes }: Folder): Promise<DoctorFinding> {
  const place = await nearest(dir);
  try {
    if (place === dir) await writeAndRemove(dir);
    else await access(place, constants.W_OK | constants.X_OK);
  } catch (error) {
    return fail(id, {
      summary: `${variable}: nothing can be written to ${place} (${reasonOf(error)})`,
      fix: `Give the user that the gateway runs as write access to ${dir}, or set ${variable} to another folder.`,
    });
  }
  const { bavail, bsize, files, ffree } = await statfs(place);
  const free = bavail * bsize;
  const what = `${variable}: ${inWords(free)} free in ${dir}${place === dir ? '' : ', which the first start makes'}`;
  const fix = `Free space on the volume of ${dir}, or set ${variable} to another one.`;
  if (free < minFreeBytes) {
    const summary = `${what}; uploads and downloads are refused below ${inWords(minFreeBytes)} (MIN_FREE_DISK_MB).`;
    return fail(id, { summary, fix });
  }
  // Volumes that count no inodes say 0 of 0.
  if (files > 0 && ffree === 0)
    return fail(id, { summary: `${what}, but no file can be added: no inode is left.`, fix });
  if (free < 2 * minFreeBytes) {
    return warn(id, { summary: `${what}; below ${inWords(minFreeBytes)} uploads and downloads are refused.`, fix });
  }
  return ok(id, what);
}

/** The folder itself, or the closest one above it that is there. */
async function nearest(dir: string): Promise<string> {
  for (let place = dir; ; place = dirname(place)) {
    const isThere = await access(place).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
    );
    if (isThere || place === dirname(place)) return place;
  }
}

/** Rights, read-only mounts and quotas show only when something is written. */
async function writeAndRemove(dir: string): Promise<void> {
  const path = join(dir, `.doctor-${randomUUID()}`);
  try {
    await writeFile(path, 'x', { flag: 'wx', mode: 0o600 });
  } finally {
    await rm(path, { force: true });
  }
}
