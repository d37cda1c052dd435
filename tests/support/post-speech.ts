/** `POST /v1/audio/transcriptions` as a client sends it, and the whole answer whatever its status. */
export interface SpeechRequest {
  /** Default: the echo model. */
  model?: string;
  /** The echo model's orders. */
  prompt?: string;
  audio?: Uint8Array<ArrayBuffer>;
  fields?: Record<string, string>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface SpeechAnswer {
  status: number;
  headers: Headers;
  body: string;
  /** The transcript of a JSON answer. */
  text: string | undefined;
  /** The envelope of a refusal. */
  error: SpeechError | undefined;
}

export interface SpeechError {
  code: string;
  message: string;
  /** Beside `model_loading`. */
  progress?: { state: string; bytes: number; total_bytes: number };
}

const SOME_BYTES = new TextEncoder().encode('not really audio');

export async function postSpeech(url: string, request: SpeechRequest = {}): Promise<SpeechAnswer> {
  const form = new FormData();
  form.set('model', request.model ?? 'fake/echo');
  if (request.prompt !== undefined) form.set('prompt', request.prompt);
  for (const [name, value] of Object.entries(request.fields ?? {})) form.set(name, value);
  form.set('file', new Blob([request.audio ?? SOME_BYTES]), 'speech.wav');
  const response = await fetch(`${url}/v1/audio/transcriptions`, {
    method: 'POST',
    body: form,
    headers: request.headers ?? {},
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  const body = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  const parsed: Partial<Pick<SpeechAnswer, 'text' | 'error'>> = isJson ? JSON.parse(body) : {};
  return { status: response.status, headers: response.headers, body, text: parsed.text, error: parsed.error };
}
