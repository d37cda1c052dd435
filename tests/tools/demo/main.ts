/** `npm run demo`: what the gateway does with clips that ship with it, by the stock OpenAI client. */
import { randomBytes } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import OpenAI from 'openai';
import type { z } from 'zod';
import type { diarizationJson } from '../../../backend/src/contract/diarization.ts';
import type { separationJson } from '../../../backend/src/contract/separation.ts';
import { parseCommandLine, runTool } from '../command-line.ts';
import { type DemoGateway, startDemoGateway } from './demo-gateway.ts';

const USAGE = `Usage: npm run demo [-- --keep]

Starts the gateway on a free port and has clips that ship with it transcribed, diarized and separated, by the models of the cache or those that
ship with the gateway: it needs no network.

  --keep   stays up afterwards, for the dashboard, until Ctrl+C`;

const CLIPS = join(import.meta.dirname, '../../../starter-models/clips');

await runTool(async (args) => {
  const { keep = false } = parseCommandLine(args, { keep: { type: 'boolean' } }, USAGE);
  const dir = await mkdtemp(join(tmpdir(), 'audio-gateway-demo-'));
  const adminKey = `agw-${randomBytes(24).toString('base64url')}`;
  try {
    await using gateway = await startDemoGateway({
      API_HOST: '127.0.0.1',
      API_PORT: '0',
      ADMIN_API_KEYS: adminKey,
      DATA_DIR: join(dir, 'data'),
      LOG_DIR: join(dir, 'logs'),
    });
    await show(gateway, adminKey);
    if (keep) await untilInterrupted(gateway, adminKey);
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  }
  return true;
});

async function show(gateway: DemoGateway, adminKey: string): Promise<void> {
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: adminKey });
  await transcribe(openai);
  await stream(openai);
  await transcribeWithSpeakers(openai);
  await diarize(openai);
  await separate(openai);
  console.log(`\nDashboard: ${gateway.url}/`);
}

function clip(name: string) {
  return createReadStream(join(CLIPS, name));
}

async function transcribe(openai: OpenAI): Promise<void> {
  const { data, response } = await openai.audio.transcriptions
    .create({ file: clip('sentence.flac'), model: 'whisper-1' })
    .withResponse();
  title('Transcription', 'sentence.flac');
  console.log(data.text);
  const note = response.headers.get('x-model-note');
  if (note !== null) console.log(`(${note})`);
}

async function stream(openai: OpenAI): Promise<void> {
  const events = await openai.audio.transcriptions.create({
    file: clip('conversation.flac'),
    model: 'whisper-1',
    stream: true,
  });
  title('Transcription as a stream', 'conversation.flac');
  for await (const event of events) {
    if (event.type === 'transcript.text.delta') process.stdout.write(event.delta);
  }
  console.log();
}

async function transcribeWithSpeakers(openai: OpenAI): Promise<void> {
  // The client's types know this answer, but not that this format gives it.
  const { segments } = (await openai.audio.transcriptions.create({
    file: clip('conversation.flac'),
    model: 'gpt-4o-transcribe-diarize',
    response_format: 'diarized_json',
    chunking_strategy: 'auto',
  })) as OpenAI.Audio.TranscriptionDiarized;
  title('Transcription with speakers', 'conversation.flac');
  for (const { start, end, speaker, text } of segments) console.log(`${span(start, end)}  ${speaker}: ${text.trim()}`);
}

async function diarize(openai: OpenAI): Promise<void> {
  const form = await formOf('conversation.flac', {});
  const { segments } = await openai.post<z.infer<typeof diarizationJson>>('/audio/diarizations', { body: form });
  title('Diarization', 'conversation.flac');
  for (const { start, end, speaker } of segments) console.log(`${span(start, end)}  ${speaker}`);
}

async function separate(openai: OpenAI): Promise<void> {
  const form = await formOf('song.flac', { background: 'false', output_format: 'flac' });
  const { stems, duration } = await openai.post<z.infer<typeof separationJson>>('/audio/separations', { body: form });
  title('Separation', 'song.flac');
  for (const { stem, url } of stems) console.log(`${stem.padEnd(8)} ${duration.toFixed(1)} s  ${url}`);
}

async function formOf(name: string, fields: Record<string, string>): Promise<FormData> {
  const form = new FormData();
  form.append('file', await openAsBlob(join(CLIPS, name)), basename(name));
  for (const [field, value] of Object.entries(fields)) form.append(field, value);
  return form;
}

function title(task: string, file: string): void {
  console.log(`\n— ${task}: ${file}`);
}

function span(start: number, end: number): string {
  return `${start.toFixed(2).padStart(6)} … ${end.toFixed(2).padStart(6)}`;
}

async function untilInterrupted({ ended }: DemoGateway, adminKey: string): Promise<void> {
  console.log(`Sign in with the key ${adminKey}\nCtrl+C ends it.`);
  const interrupted = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.resolve());
  await Promise.race([interrupted.promise, ended]);
}
