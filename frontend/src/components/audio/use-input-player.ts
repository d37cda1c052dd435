/** The recording of a job in a player: a small one as a blob, a large one by ticket, never by key. */
import type { Job } from '@contract/jobs.ts';
import { useEffect, useState } from 'react';
import { fetchBlob, inputPath, ticketFor } from '../../api/own-jobs.ts';
import { type AudioSource, MediaPlayer } from './media-player.ts';

/** What a page may hold in memory without a second thought; a ticket plays while it loads. */
const MAX_BLOB_BYTES = 32_000_000;

/** @param duration seconds, 0 while it is not known */
export function useInputPlayer({ id, input: { bytes } }: Pick<Job, 'id' | 'input'>, duration: number): MediaPlayer {
  const [player] = useState(() => new MediaPlayer((signal) => openInput(id, bytes ?? 0, signal), duration));
  useEffect(() => {
    if (duration > 0) player.learnDuration(duration);
  }, [player, duration]);
  useEffect(() => () => player.close(), [player]);
  return player;
}

async function openInput(id: string, bytes: number, signal: AbortSignal): Promise<AudioSource> {
  const path = inputPath(id);
  if (bytes > MAX_BLOB_BYTES) return { url: await ticketFor(path), isTicket: true };
  const url = URL.createObjectURL(await fetchBlob(path, signal));
  return { url, release: () => URL.revokeObjectURL(url) };
}
