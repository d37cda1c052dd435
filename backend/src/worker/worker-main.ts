/**
 * Entry of a worker process: loads one model, then runs requests until it is told to stop or its parent is gone.
 * Requests interleave at every `await` of the pipeline; a running graph blocks this process, never the gateway.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { toGatewayError } from '../errors.ts';
import type { Family, LoadContext, ModelDefinition, Pipeline, Task } from '../models/define-model.ts';
import { loadModelList } from '../models/load-model-list.ts';
import { graphFolding, openSession } from './onnx.ts';
import type { FromWorker, LoadMessage, ToWorker, WireError } from './protocol.ts';

const running = new Map<number, AbortController>();
let pipeline: Pipeline<Task> | undefined;

process.on('disconnect', () => process.exit(0));
// The parent decides when a worker stops: a Ctrl-C in the terminal reaches the whole group, and requests must drain.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('message', (message: ToWorker) => {
  if (message.type === 'load') void load(message);
  else if (message.type === 'run') void run(message);
  else if (message.type === 'cancel') running.get(message.id)?.abort();
  else if (message.type === 'ping') send({ type: 'pong', residentBytes: process.memoryUsage.rss() });
  else void shutdown();
});

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

async function load(message: LoadMessage): Promise<void> {
  try {
    const { family, model } = findModel(await loadModelList(message.modelListUrl), message);
    const module = await family.pipeline();
    pipeline = await module.load(await createLoadContext(message, model));
    send({ type: 'ready', residentBytes: process.memoryUsage.rss() });
  } catch (error) {
    send({ type: 'load-failed', error: toWire(error, { describeUnknown: true }) });
  }
}

async function run({ id, input, params }: Extract<ToWorker, { type: 'run' }>): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    if (pipeline === undefined) throw new Error('run before load');
    const result = await pipeline.run(input, params, {
      signal: controller.signal,
      emit: (event) => send({ type: 'event', id, event }),
    });
    send({ type: 'result', id, result });
  } catch (error) {
    send({ type: 'error', id, error: toWire(error) });
  } finally {
    running.delete(id);
  }
}

async function shutdown(): Promise<void> {
  for (const controller of running.values()) controller.abort();
  await pipeline?.dispose();
  process.exit(0);
}

function findModel(
  families: readonly Family[],
  { modelId, registered }: LoadMessage,
): { family: Family; model: ModelDefinition } {
  if (registered !== undefined) {
    const family = families.find((item) => item.family === registered.family);
    if (family === undefined) throw new Error(`the model list has no family ${registered.family}`);
    return { family, model: registered.definition };
  }
  for (const family of families) {
    const model = family.models.find(({ id }) => id === modelId);
    if (model !== undefined) return { family, model };
  }
  throw new Error(`the model list has no ${modelId}`);
}

async function createLoadContext(message: LoadMessage, model: ModelDefinition): Promise<LoadContext> {
  const device = message.device === 'cpu' ? 'cpu' : 'cuda';
  return {
    model,
    dtype: message.dtype,
    ...(message.maxBatch === undefined ? {} : { maxBatch: message.maxBatch }),
    file: (name) => join(message.snapshotDir, name),
    auxiliaryFile: (role, name) => {
      const dir = message.auxiliaryDirs[role];
      if (dir === undefined) throw new Error(`${model.id} declares no auxiliary repository "${role}"`);
      return join(dir, name);
    },
    derivedFolder: async () => {
      await mkdir(message.derivedDir, { recursive: true });
      return message.derivedDir;
    },
    openSession: (graph, { onCpu = false, ...options } = {}) =>
      openSession(graph, {
        ...options,
        threads: options.threads ?? message.threads,
        device: onCpu ? 'cpu' : device,
      }),
    folding: await graphFolding(device),
    tools: { ffmpegPath: message.ffmpegPath, ffprobePath: message.ffprobePath },
    log: (text, fields = {}) => send({ type: 'log', message: text, fields }),
  };
}

/** A load failure is the operator's to read, so its own message crosses; a request's unknown failure stays internal. */
function toWire(error: unknown, { describeUnknown = false } = {}): WireError {
  const known = toGatewayError(error);
  const original = error instanceof Error ? error : new Error(String(error));
  const isInternal = known.code === 'internal_error';
  return {
    code: isInternal && describeUnknown ? 'model_load_failed' : known.code,
    message: isInternal && describeUnknown ? original.message : known.message,
    param: known.param,
    detail: isInternal ? (original.stack ?? original.message) : stringify(known.detail),
  };
}

function stringify(detail: unknown): string | undefined {
  if (detail === undefined) return undefined;
  return typeof detail === 'string' ? detail : JSON.stringify(detail);
}
