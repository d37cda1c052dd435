import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import { parseRttm } from '../../../backend/src/text/rttm.ts';
import type { Turn } from '../../../backend/src/text/turn.ts';
import type { Clip } from './manifest.ts';
import { type Endpoint, postForm } from './post-form.ts';

export interface Diarization {
  turns: Turn[];
  latencySeconds: number;
}

export interface DiarizationEndpoint extends Endpoint {
  /** `exact` or `fast`. */
  mode?: string | undefined;
}

/** Sends one clip to `POST /audio/diarizations`. @throws Error saying what the server or the network answered. */
export async function diarizeClip(clip: Clip, endpoint: DiarizationEndpoint): Promise<Diarization> {
  const form = new FormData();
  form.set('model', endpoint.model);
  form.set('response_format', 'rttm');
  if (endpoint.mode !== undefined) form.set('mode', endpoint.mode);
  for (const [name, count] of Object.entries(clip.speakerCounts)) form.set(name, String(count));
  form.set('file', await openAsBlob(clip.path), basename(clip.path));
  const { body, latencySeconds } = await postForm('/audio/diarizations', form, endpoint);
  return { turns: parseRttm(body), latencySeconds };
}
