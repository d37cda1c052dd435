/** Callers of the models: what each was answered. */
import type { GpuModel } from '../../support/gpu-models.ts';
import { postSpeech } from '../../support/post-speech.ts';
import { AUTHORIZATION } from '../bench/gateway-folder.ts';
import { type Answer, toAnswer } from './gateway.ts';

const PATIENCE_MS = 120_000;
/** What a caller may hear on such a day. */
const EXPECTED = [
  'insufficient_memory',
  'device_unavailable',
  'model_loading',
  'model_load_failed',
  'worker_crashed',
  'out_of_memory',
  'server_is_overloaded',
];

export interface Outcome extends Answer {
  model: GpuModel;
  prompt: string;
  /** Another text than asked for, another code than there may be, or none at all. */
  isWrong: boolean;
}

export interface Callers {
  readonly sent: number;
  readonly outcomes: readonly Outcome[];
  send(model: GpuModel, prompt: string, fields?: Record<string, string>): void;
  /** All are answered. */
  done(): Promise<void>;
}

export function startCallers(url: string): Callers {
  const outcomes: Outcome[] = [];
  const waiting = new Set<Promise<void>>();
  let sent = 0;
  const call = async (model: GpuModel, prompt: string, fields: Record<string, string>): Promise<void> => {
    const number = sent;
    sent += 1;
    const word = `${number}`;
    const orders = prompt === 'oom' ? prompt : `${prompt} say:${word}`;
    const request = {
      ...{ model, prompt: orders, fields, headers: { authorization: AUTHORIZATION } },
      // No two are the same file: what one does to a worker is not held against another.
      audio: new TextEncoder().encode(`audio ${number}`),
      signal: AbortSignal.timeout(PATIENCE_MS),
    };
    try {
      const { status, body, text } = await postSpeech(url, request);
      const answer = toAnswer(status, body);
      const isWrong = answer.code === undefined ? text !== word : !EXPECTED.includes(answer.code);
      outcomes.push({ model, prompt, ...answer, isWrong });
    } catch (error) {
      outcomes.push({ model, prompt, status: 0, code: `no answer: ${String(error)}`, isWrong: true });
    }
  };
  return {
    get sent() {
      return sent;
    },
    outcomes,
    send(model, prompt, fields = {}) {
      const one = call(model, prompt, fields).finally(() => waiting.delete(one));
      waiting.add(one);
    },
    async done() {
      await Promise.all(waiting);
    },
  };
}
