/** A transcription whose text comes as it is heard, in an answer of its own instead of a job. */
import { errorEnvelope } from '@contract/error.ts';
import { transcriptTextDelta, transcriptTextDone } from '@contract/transcription.ts';
import { createParser } from 'eventsource-parser';
import { authorized } from './api.ts';
import { ApiError } from './api-error.ts';
import { MAX_SILENCE_MS } from './live/follow-events.ts';
import { sendRequest, toUnreachable } from './send-request.ts';

export interface StreamTranscriptionOptions {
  path: string;
  /** With `stream=true`. */
  form: FormData;
  signal: AbortSignal;
  onDelta: (delta: string) => void;
}

/** @returns the whole text. @throws ApiError; the signal's reason when that is an abort */
export async function streamTranscription({
  path,
  form,
  signal,
  onDelta,
}: StreamTranscriptionOptions): Promise<string> {
  const silent = new AbortController();
  const both = AbortSignal.any([signal, silent.signal]);
  const response = await authorized(undefined, (apiKey) =>
    sendRequest(path, { method: 'POST', signal: both, accept: 'text/event-stream', apiKey, body: form }),
  );
  let text: string | undefined;
  let failure: ApiError | undefined;
  const parser = createParser({
    onEvent: ({ data }) => {
      const event: unknown = JSON.parse(data);
      const delta = transcriptTextDelta.safeParse(event);
      const done = transcriptTextDone.safeParse(event);
      const failed = errorEnvelope.safeParse(event);
      if (delta.success) onDelta(delta.data.delta);
      else if (done.success) text = done.data.text;
      else if (failed.success) failure = toError(failed.data.error);
    },
  });
  const giveUp = () => silent.abort(new DOMException('', 'TimeoutError'));
  let silence = setTimeout(giveUp, MAX_SILENCE_MS);
  try {
    for await (const chunk of chunksOf(response)) {
      clearTimeout(silence);
      silence = setTimeout(giveUp, MAX_SILENCE_MS);
      parser.feed(chunk);
    }
  } catch (error) {
    throw toUnreachable(error);
  } finally {
    clearTimeout(silence);
  }
  if (failure !== undefined) throw failure;
  if (text === undefined) throw toUnreachable(new Error('The stream ended before the text did.'));
  return text;
}

async function* chunksOf({ body }: Response): AsyncGenerator<string> {
  if (body === null) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) yield chunk.value;
}

function toError({ message, code, param }: { message: string; code?: unknown; param?: unknown }): ApiError {
  return new ApiError('failed', message, {
    code: typeof code === 'string' ? code : undefined,
    param: typeof param === 'string' ? param : undefined,
  });
}
