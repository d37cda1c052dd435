import type { Job } from '../../../backend/src/contract/jobs.ts';
import { wav } from '../../support/wav.ts';
import { AUTHORIZATION } from './gateway-folder.ts';

const AUDIO = wav(1);

/** A job for the echo model, of one second of audio, that no earlier one's result stands for. @returns its id */
export async function submitJob(url: string, prompt: string): Promise<string> {
  const body = new FormData();
  body.set('file', new File([AUDIO], 'speech.wav'));
  body.set('model', 'fake/echo');
  body.set('prompt', prompt);
  body.set('cache', 'false');
  const headers = { authorization: AUTHORIZATION, prefer: 'respond-async' };
  const response = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body, headers });
  const answer = await response.text();
  if (response.status !== 202) throw new Error(`${response.status} ${answer}`);
  return (JSON.parse(answer) as Job).id;
}
