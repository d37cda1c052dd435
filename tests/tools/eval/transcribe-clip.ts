import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import { z } from 'zod';
import type { Clip } from './manifest.ts';
import { type Endpoint, parseAnswer, postForm } from './post-form.ts';

export interface Transcript {
  text: string;
  latencySeconds: number;
  /** Whole seconds, rounded up, as billed; undefined when the server does not say. */
  billedSeconds: number | undefined;
}

export interface SpeakerTranscript {
  /** Speaker → what they said, in the order of time. */
  textBySpeaker: Map<string, string>;
  latencySeconds: number;
  /** Length of the audio as the server has it. */
  seconds: number;
}

const answer = z.object({ text: z.string(), usage: z.object({ seconds: z.number().optional() }).optional() });
const diarizedAnswer = z.object({
  duration: z.number(),
  segments: z.array(z.object({ start: z.number(), text: z.string(), speaker: z.string() })),
});

/** Sends one clip to `POST /audio/transcriptions`. @throws Error saying what the server or the network answered. */
export async function transcribeClip(clip: Clip, endpoint: Endpoint): Promise<Transcript> {
  const form = await formFor(clip, endpoint, 'json');
  const { body, latencySeconds } = await postForm('/audio/transcriptions', form, endpoint);
  const { text, usage } = parseAnswer(body, answer);
  return { text, latencySeconds, billedSeconds: usage?.seconds };
}

/** The same, asking who said what. */
export async function transcribeSpeakers(clip: Clip, endpoint: Endpoint): Promise<SpeakerTranscript> {
  const form = await formFor(clip, endpoint, 'diarized_json');
  // OpenAI's own model demands it of clips of more than 30 s.
  form.set('chunking_strategy', 'auto');
  const { body, latencySeconds } = await postForm('/audio/transcriptions', form, endpoint);
  const { segments, duration } = parseAnswer(body, diarizedAnswer);
  return { textBySpeaker: joinBySpeaker(segments), latencySeconds, seconds: duration };
}

/** Speaker → their texts in the order of time, with a space between. */
export function joinBySpeaker(
  segments: readonly { start: number; text: string; speaker: string }[],
): Map<string, string> {
  const said = new Map<string, string>();
  for (const { text, speaker } of segments.toSorted((a, b) => a.start - b.start)) {
    said.set(speaker, said.has(speaker) ? `${said.get(speaker)} ${text}` : text);
  }
  return said;
}

async function formFor(clip: Clip, endpoint: Endpoint, format: string): Promise<FormData> {
  const form = new FormData();
  form.set('model', endpoint.model);
  form.set('response_format', format);
  if (clip.language !== undefined) form.set('language', clip.language);
  form.set('file', await openAsBlob(clip.path), basename(clip.path));
  return form;
}
