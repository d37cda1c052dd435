/** The driver's figure for one GPU's memory, and its way back to what it was. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Gpu } from '../../backend/src/contract/gpus.ts';
import type { NvidiaSmi } from '../../backend/src/gpu/nvidia-smi.ts';

const MIB = 2 ** 20;
const PATIENCE_MS = 5000;
const EVERY_MS = 200;

export class GpuMemory {
  readonly #smi: NvidiaSmi;
  readonly #uuid: string;

  constructor(smi: NvidiaSmi, { uuid }: Pick<Gpu, 'uuid'>) {
    this.#smi = smi;
    this.#uuid = uuid;
  }

  /** MiB; the driver counts no finer. */
  async used(): Promise<number> {
    const { gpus } = await this.#smi.read(new AbortController().signal);
    const bytes = gpus.find(({ uuid }) => uuid === this.#uuid)?.memory_used_bytes;
    if (bytes === undefined || bytes === null) throw new Error('nvidia-smi does not tell the memory in use');
    return bytes / MIB;
  }

  /** MiB above `baseline` as soon as there are none, or after 5 s; and the seconds until then. */
  async residue(baseline: number): Promise<{ mebibytes: number; seconds: number }> {
    const startedAt = performance.now();
    for (;;) {
      const mebibytes = (await this.used()) - baseline;
      const elapsed = performance.now() - startedAt;
      if (mebibytes === 0 || elapsed > PATIENCE_MS) return { mebibytes, seconds: elapsed / 1000 };
      await sleep(EVERY_MS);
    }
  }
}
