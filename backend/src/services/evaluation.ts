/** Evaluations: gathers texts and files, and has them scored in a process that ends with the caller's patience. */
import { fork } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { DecodeOptions } from '../audio/decode.ts';
import type { Evaluation, EvaluationRequest } from '../contract/evaluations.ts';
import { type ErrorCode, GatewayError } from '../errors.ts';
import type { ArtifactStore } from '../jobs/artifacts.ts';
import { inputFile } from '../jobs/input-file.ts';
import type { JobService } from '../jobs/job-service.ts';
import { Slots } from '../registry/slots.ts';
import type { Order } from './evaluate.ts';

export type FromEvaluator =
  | { evaluation: Evaluation }
  | { error: { code: ErrorCode; message: string; param: string | undefined } };

export interface EvaluatorOptions {
  jobs: Pick<JobService, 'get' | 'artifact'>;
  artifacts: ArtifactStore;
  decoding: Omit<DecodeOptions, 'signal'>;
  environment: Readonly<Record<string, string>>;
  /** Processes at a time. */
  maxAtOnce: number;
}

/** @throws invalid_value, job_not_found, artifact_not_found, request_timeout; what decoding throws */
export type Evaluator = (owner: string, request: EvaluationRequest, signal: AbortSignal) => Promise<Evaluation>;

const MAIN = fileURLToPath(new URL('./evaluate-main.ts', import.meta.url));
const TIMEOUT_MS = 120_000;
const MAX_HEAP_MB = 512;
/** Of a text that a job left. */
const MAX_TEXT_BYTES = 1_000_000;

export function createEvaluator(options: EvaluatorOptions): Evaluator {
  const { jobs, artifacts, decoding, environment, maxAtOnce } = options;
  const slots = new Slots(maxAtOnce);

  async function textOf(owner: string, own: string | undefined, jobId: string | undefined, name: string) {
    if ((own === undefined) === (jobId === undefined)) throw eitherOr();
    if (jobId === undefined) return own ?? '';
    const { key, bytes } = await jobs.artifact(owner, jobId, name);
    if (bytes > MAX_TEXT_BYTES) {
      throw new GatewayError('invalid_value', {
        message: `The text of the job '${jobId}' is too long to be compared.`,
        param: 'hypotheses',
      });
    }
    return text(await artifacts.get(key));
  }

  async function pathOf(owner: string, { job_id: id, file }: { job_id: string; file: string }): Promise<string> {
    const found =
      file === 'input' ? await inputFile(artifacts, await jobs.get(owner, id)) : await jobs.artifact(owner, id, file);
    return artifacts.localPath(found.key);
  }

  async function orderOf(owner: string, request: EvaluationRequest): Promise<Order> {
    if (request.kind === 'separation') {
      const pairs = request.pairs.map(async ({ label, reference, estimate }) => ({
        label: label ?? null,
        reference: await pathOf(owner, reference),
        estimate: await pathOf(owner, estimate),
      }));
      return { kind: 'separation', pairs: await Promise.all(pairs), decoding };
    }
    if (request.kind === 'speakers') {
      const hypotheses = request.hypotheses.map(async ({ label, rttm, job_id: id }) => ({
        label: label ?? null,
        content: await textOf(owner, rttm, id, 'speakers.rttm'),
      }));
      const { reference, collar, skip_overlap: skipOverlap } = request;
      return { kind: 'speakers', reference, collar, skipOverlap, hypotheses: await Promise.all(hypotheses) };
    }
    const hypotheses = request.hypotheses.map(async ({ label, text: own, job_id: id }) => ({
      label: label ?? null,
      content: await textOf(owner, own, id, 'transcript.txt'),
    }));
    return { ...request, hypotheses: await Promise.all(hypotheses) };
  }

  return async (owner, request, signal) => {
    const order = await orderOf(owner, request);
    const free = await slots.acquire(1, signal);
    try {
      return await runAlone(order, environment, signal);
    } finally {
      free();
    }
  };
}

async function runAlone(
  order: Order,
  environment: EvaluatorOptions['environment'],
  signal: AbortSignal,
): Promise<Evaluation> {
  const tooLong = AbortSignal.timeout(TIMEOUT_MS);
  const stop = AbortSignal.any([signal, tooLong]);
  const child = fork(MAIN, [], {
    env: { ...environment },
    execArgv: [`--max-old-space-size=${MAX_HEAP_MB}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    signal: stop,
    killSignal: 'SIGKILL',
  });
  const answer = await new Promise<FromEvaluator | undefined>((resolve) => {
    let told: FromEvaluator | undefined;
    child.once('message', (message: FromEvaluator) => {
      told = message;
    });
    // An abort is an error too; it is told apart below.
    child.once('error', () => resolve(told));
    child.once('close', () => resolve(told));
    child.send(order, () => {});
  });
  signal.throwIfAborted();
  if (answer === undefined) {
    if (!tooLong.aborted) throw new GatewayError('internal_error', { message: 'The evaluation ended unexpectedly.' });
    throw new GatewayError('request_timeout', { message: 'The evaluation took too long: compare less at a time.' });
  }
  if ('evaluation' in answer) return answer.evaluation;
  const { code, message, param } = answer.error;
  throw new GatewayError(code, { message, param });
}

function eitherOr(): GatewayError {
  return new GatewayError('invalid_value', {
    message: "Invalid value for 'hypotheses': each has either a text of its own or a 'job_id'.",
    param: 'hypotheses',
  });
}
