/** What the diarization benchmark listens to: conversations of LibriSpeech's readers, with their reference. */
import { readdir, readFile } from 'node:fs/promises';
import { parseRttm } from '../../../backend/src/text/rttm.ts';
import type { Turn } from '../../../backend/src/text/turn.ts';
import { mixConversation, planConversation, turnsOf, type Voice } from '../../support/conversation.ts';
import { shared } from '../../support/shared.ts';
import { decodeClip } from './long-audio.ts';

const RATE = 16_000;
const SEED = 5;
const CALL = 'audio/diarization/sample';

export interface Conversation {
  seconds: number;
  /** Of s16le; made as they are asked for. */
  blocks(): Iterable<Int16Array>;
  reference: Turn[];
}

/** LibriSpeech's five readers, all clips of each behind each other. */
export async function readVoices(): Promise<Voice[]> {
  const files = (await readdir(shared('audio/speakers'))).filter((name) => name.endsWith('.flac')).sort();
  const speakers = [...new Set(files.map((name) => name.split('-')[0] ?? ''))];
  return Promise.all(
    speakers.map(async (speaker) => {
      const own = files.filter((name) => name.startsWith(`${speaker}-`));
      const clips = await Promise.all(own.map((name) => decodeClip(shared('audio/speakers', name))));
      return { speaker, samples: Int16Array.from(clips.flatMap((clip) => [...clip])) };
    }),
  );
}

/** The readers talk to each other for so long; the same words each time. */
export function conversationOf(voices: readonly Voice[], seconds: number): Conversation {
  const samples = Math.round(seconds * RATE);
  const utterances = planConversation(voices, samples, SEED);
  return {
    seconds,
    blocks: () => mixConversation(voices, utterances, samples),
    reference: turnsOf(voices, utterances),
  };
}

/** The telephone call of the reference material: 30 s, two speakers. */
export async function telephoneCall(): Promise<Conversation> {
  const samples = await decodeClip(shared(`${CALL}.wav`));
  const reference = parseRttm(await readFile(shared(`${CALL}.rttm`), 'utf8'));
  return { seconds: samples.length / RATE, blocks: () => [samples], reference };
}

export function* bytesOf(blocks: Iterable<Int16Array>): Generator<Uint8Array> {
  for (const block of blocks) yield new Uint8Array(block.buffer, block.byteOffset, block.byteLength);
}
