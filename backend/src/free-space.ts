import { statfs } from 'node:fs/promises';
import { GatewayError } from './errors.ts';

/** @throws insufficient_storage unless `minFreeBytes` stay free on the folder's volume when `coming` more bytes are on it. */
export async function requireFreeSpace(folder: string, minFreeBytes: number, coming = 0): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize - coming < minFreeBytes) throw diskFull();
}

export function diskFull(): GatewayError {
  return new GatewayError('insufficient_storage', {
    message: 'The server has too little free disk space to take this upload.',
  });
}
