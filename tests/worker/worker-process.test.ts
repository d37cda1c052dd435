import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Task, Tasks } from '../../backend/src/models/define-model.ts';
import { WorkerCrash, type WorkerProcess, type WorkerProcessOptions } from '../../backend/src/worker/worker-process.ts';
import { createEchoWorker } from '../support/echo-worker.ts';
import { FAULTY_MODEL_LIST, LOADS_FILE } from '../support/faulty-models.ts';
import { isAlive } from '../support/processes.ts';
import { spawnScript } from '../support/spawn-script.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

async function startLoading(load: Partial<WorkerProcessOptions['load']> = {}): Promise<WorkerProcess> {
  const worker = createEchoWorker('unused', { derivedDir: await tempDir(), ...load });
  onTestFinished(async () => {
    worker.kill();
    await worker.exited;
  });
  return worker;
}

async function startWorker(): Promise<WorkerProcess> {
  const worker = await startLoading();
  await worker.ready;
  return worker;
}

/** Starts a request; `heard` resolves with its first event. */
function order(worker: WorkerProcess, prompt: string) {
  const heard = Promise.withResolvers<Tasks[Task]['event']>();
  const { result, cancel } = worker.run({
    input: { audioPath: import.meta.filename, limits: { maxSeconds: 60, maxDecodedBytes: 2 ** 20 } },
    params: { prompt, temperature: 0, words: false },
    onEvent: heard.resolve,
  });
  return { result, cancel, heard: heard.promise };
}

const pidOf = (worker: WorkerProcess) => worker.pid ?? Number.NaN;

describe('a worker', () => {
  it.each(['idle', 'busy'])('that is %s ends when its parent is killed', async (state) => {
    const parent = spawnScript('worker-parent.ts', 'unused', state);
    const pid = Number(await parent.nextLine());
    expect(isAlive(pid)).toBe(true);
    parent.child.kill('SIGKILL');
    await parent.ended;
    await waitUntil('the orphaned worker ends', () => !isAlive(pid), { timeoutMs: 10_000 });
  });

  it('goes on when Ctrl-C or a service manager signals the whole group: its parent decides', async () => {
    const worker = await startWorker();
    const { result, heard } = order(worker, 'say:on sleep:200 say:done');
    await heard;
    process.kill(pidOf(worker), 'SIGINT');
    process.kill(pidOf(worker), 'SIGTERM');
    expect(await result).toMatchObject({ text: 'ondone' });
  });

  it('hears a cancel in the middle of a request, and takes the next one', async () => {
    const worker = await startWorker();
    const { result, cancel, heard } = order(worker, 'say:on sleep:600000');
    await heard;
    cancel();
    await expect(result).rejects.toThrow();
    expect(await order(worker, 'say:again').result).toMatchObject({ text: 'again' });
  });

  it('tells why its model could not be loaded', async () => {
    const worker = await startLoading({ modelListUrl: FAULTY_MODEL_LIST, modelId: 'fake/broken' });
    await expect(worker.ready).rejects.toMatchObject({
      code: 'model_load_failed',
      message: 'the graph has no input named "audio"',
    });
  });

  it('opens on the CPU what belongs there, whatever GPU the model is to run on, and nothing else', async () => {
    const derivedDir = await tempDir();
    const load = { modelListUrl: FAULTY_MODEL_LIST, modelId: 'fake/two-places', derivedDir };
    await expect((await startLoading({ ...load, device: 'cuda:0' })).ready).rejects.toMatchObject({
      code: 'model_load_failed',
      message: expect.stringMatching(/cuda|this machine has a GPU/i),
    });
    expect(await readFile(join(derivedDir, LOADS_FILE), 'utf8')).toBe('on the CPU\n');
  });

  it('that dies while loading leaves its exit code and last words', async () => {
    const worker = await startLoading({ modelListUrl: FAULTY_MODEL_LIST, modelId: 'fake/dies-loading' });
    await expect(worker.ready).rejects.toMatchObject({
      code: 'model_load_failed',
      message: expect.stringContaining('exit code 3'),
      detail: expect.stringContaining('last words of the worker'),
    });
  });

  it('fails every request in it when it dies, saying how', async () => {
    const worker = await startWorker();
    const both = [order(worker, 'sleep:600000').result, order(worker, 'signal:SIGSEGV').result];
    for (const result of both) {
      const error = await result.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(WorkerCrash);
      expect(error).toMatchObject({ exit: { signal: 'SIGSEGV', code: null } });
    }
    await expect(order(worker, 'say:late').result).rejects.toBeInstanceOf(WorkerCrash);
  });
});

describe('stop', () => {
  it('ends an idle worker by itself, and no process is left', async () => {
    const worker = await startWorker();
    expect(await worker.stop(20_000)).toMatchObject({ code: 0, signal: null });
    expect(isAlive(pidOf(worker))).toBe(false);
  });

  it('kills, after the grace, a worker that a running graph keeps from hearing it', async () => {
    const worker = await startWorker();
    const { result, heard } = order(worker, 'say:on spin:600000');
    result.catch(() => {});
    await heard;
    expect(await worker.stop(300)).toMatchObject({ signal: 'SIGKILL' });
    expect(isAlive(pidOf(worker))).toBe(false);
  });

  it('ends a worker that is still loading', async () => {
    const worker = await startLoading();
    await worker.stop(20_000);
    expect(isAlive(pidOf(worker))).toBe(false);
    await expect(worker.ready).rejects.toMatchObject({ code: 'model_load_failed' });
  });
});
