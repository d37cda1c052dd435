/** A file system that is full after a few kilobytes, on a folder of its own: what a mock of a full disk cannot tell. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Mounts a tmpfs on the folder until the test ends; needs root and the right to mount. */
export function mountSmallDisk(folder: string, kibibytes: number): void {
  mkdirSync(folder, { recursive: true });
  mount(folder, kibibytes);
  onTestFinished(() => unmount(folder));
}

/** Says so where it is not. */
export function canMount(title: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'audio-gateway-mount-'));
  try {
    mount(folder, 64);
    unmount(folder);
    return true;
  } catch {
    process.stderr.write(`SKIPPED: "${title}" needs the right to mount a tmpfs\n`);
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function mount(folder: string, kibibytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'tmpfs', folder], { stdio: 'ignore' });
}

function unmount(folder: string): void {
  execFileSync('umount', [folder], { stdio: 'ignore' });
}
