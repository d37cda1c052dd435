/** Files that a separation leaves beside its stems until it is done: the decoded audio, and stretches of what the model made of it. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrackPart } from './overlap-add.ts';

const SUFFIX = '.f32';
export const MIX_FILE = `mix${SUFFIX}`;

export function pieceFile(stem: string, { index, count }: TrackPart): string {
  return `${stem}.${index + 1}-of-${count}${SUFFIX}`;
}

export async function removePieces(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (name.endsWith(SUFFIX)) await rm(join(folder, name), { force: true });
}
