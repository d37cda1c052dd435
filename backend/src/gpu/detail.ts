/** Everything the driver tells of one GPU, on demand: ECC, PCIe, clocks, MIG, processes. */
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { abortable } from '../abortable.ts';
import type { Gpu, GpuDetail } from '../contract/gpus.ts';
import { GatewayError } from '../errors.ts';
import { findGpu, parseDetail } from './parse-detail.ts';
import { type ProgramEnd, ProgramFailure, ProgramRunner } from './run-program.ts';

export interface GpuDetailsOptions {
  /** A program named nvidia-smi: a path, or the bare name, which is looked up in PATH. */
  program: string;
  environment: Readonly<Record<string, string>>;
  timeoutMs: number;
}

const CHILD = fileURLToPath(new URL('./detail-child.ts', import.meta.url));
/** Eight GPUs make 200 KB of JSON. */
const MAX_OUTPUT_BYTES = 8 * 2 ** 20;

export class GpuDetails {
  readonly #runner: ProgramRunner;
  readonly #end = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor({ program, environment, timeoutMs }: GpuDetailsOptions) {
    const path = environment.PATH ?? '';
    const withProgram = program.includes('/') ? [dirname(program), path].join(delimiter) : path;
    this.#runner = new ProgramRunner({
      environment: { ...environment, PATH: withProgram },
      timeoutMs,
      maxOutputBytes: MAX_OUTPUT_BYTES,
    });
  }

  /**
   * One look for all who ask while it runs: it is for every GPU anyway.
   * @throws gpu_unavailable with the reason, client_closed_request on abort
   */
  async read({ index, uuid }: Gpu, signal: AbortSignal): Promise<GpuDetail> {
    this.#running ??= this.#look().finally(() => {
      this.#running = undefined;
    });
    const log = await abortable(this.#running, signal);
    const gpu = findGpu(log, uuid);
    if (gpu === undefined) throw unavailable('the driver does not list it any more');
    return parseDetail(log, gpu, index);
  }

  /** Ends a look under way. */
  async close(): Promise<void> {
    this.#end.abort(unavailable('the server is shutting down'));
    await this.#running?.catch(() => {});
  }

  async #look(): Promise<unknown> {
    let end: ProgramEnd;
    try {
      end = await this.#runner.run(process.execPath, [CHILD], this.#end.signal);
    } catch (error) {
      if (error instanceof ProgramFailure) throw unavailable(`nvidia-smi -q: ${error.message}`, error);
      throw error;
    }
    if (end.code !== 0) throw unavailable('nvidia-smi -q failed', end.stderr.slice(0, 2_000));
    try {
      return JSON.parse(end.stdout);
    } catch (error) {
      throw unavailable('nvidia-smi -q did not answer in XML', error);
    }
  }
}

function unavailable(reason: string, cause?: unknown): GatewayError {
  const message = `The GPU cannot be examined: ${reason}.`;
  return new GatewayError('gpu_unavailable', { message, retryAfterSeconds: 5, cause });
}
