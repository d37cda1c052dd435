/** A DGX with eight H200 in a folder of its own: an `nvidia-smi` that plays it, and what changes while it runs. */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dgxScenario, type FakeAllocation, type FakeScenario } from './fake-nvidia-smi/scenario.ts';

const PROGRAM = fileURLToPath(new URL('./fake-nvidia-smi/nvidia-smi', import.meta.url));

export interface FakeDgx {
  /** Of the executable; for `NVIDIA_SMI`. */
  path: string;
  /** As it is at the moment; by index. */
  uuids: readonly string[];
  /** Processes may put their own `<pid>.json` here. */
  allocations: string;
  /** From the next run on. */
  change(edit: (scenario: FakeScenario) => void): Promise<void>;
  /** Counts as used while the process lives; of that, `residueMib` stays when it is gone. */
  allocate(pid: number, uuid: string, mib: number, options?: { residueMib?: number }): Promise<void>;
  /** Every run so far. */
  runs(): Promise<{ pid: number; options: string[] }[]>;
  remove(): Promise<void>;
}

export async function createFakeDgx(scenario: FakeScenario = dgxScenario()): Promise<FakeDgx> {
  const dir = await mkdtemp(join(tmpdir(), 'audio-gateway-dgx-'));
  const path = join(dir, 'nvidia-smi');
  const file = join(dir, 'scenario.json');
  const allocations = join(dir, 'allocations');
  const write = async (target: string, value: unknown) => {
    // A run may read it at this very moment.
    await writeFile(`${target}.new`, JSON.stringify(value, null, 2));
    await rename(`${target}.new`, target);
  };
  await mkdir(allocations);
  await write(file, scenario);
  const script = [
    '#!/bin/sh',
    `export FAKE_NVIDIA_SMI_SCENARIO='${file}' FAKE_NVIDIA_SMI_NODE='${process.execPath}'`,
    // Saves a third of its start.
    `export NODE_COMPILE_CACHE='${join(dir, 'compiled')}'`,
    `exec '${PROGRAM}' "$@"`,
  ];
  await writeFile(path, `${script.join('\n')}\n`, { mode: 0o755 });
  return {
    path,
    uuids: scenario.gpus.map(({ uuid }) => uuid),
    allocations,
    change: async (edit) => {
      const now: FakeScenario = JSON.parse(await readFile(file, 'utf8'));
      edit(now);
      await write(file, now);
    },
    allocate: (pid, uuid, mib, { residueMib = 0 } = {}) => {
      const allocation: FakeAllocation = { gpu_uuid: uuid, mib, residue_mib: residueMib };
      return write(join(allocations, `${pid}-${uuid}.json`), allocation);
    },
    runs: async () => {
      const text = await readFile(join(dir, 'runs.jsonl'), 'utf8').catch(() => '');
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
