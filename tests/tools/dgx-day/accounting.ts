/** Whether the registry's account of every GPU's memory is the driver's. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { FakeDgx } from '../../support/fake-dgx.ts';
import type { FakeScenario } from '../../support/fake-nvidia-smi/scenario.ts';
import type { Operator } from './gateway.ts';

const run = promisify(execFile);
const MIB = 2 ** 20;
/** A proof of release takes 5 s at most, and those of one GPU come one after the other. */
const SETTLE_MS = 30_000;
const POLL_MS = 200;

/** MiB of a GPU. */
export interface Account {
  gpu: number;
  driver: number;
  /** Before anything was loaded. */
  base: number;
  /** Of the registry: of its replicas that live, and reported as not come back. */
  replicas: number;
  residue: number;
}

export function differenceOf({ driver, base, replicas, residue }: Account): number {
  return driver - base - replicas - residue;
}

export interface Settled {
  accounts: Account[];
  /** Replicas that are still about to start or to end. */
  restless: string[];
}

/** Waits until nothing goes on, and for the accounts to agree: what they are in the end. */
export async function settle(dgx: FakeDgx, operator: Operator): Promise<Settled> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const models = await operator.models();
    const replicas = models.flatMap((model) => model.replicas);
    const restless = replicas
      .filter(({ state }) => state === 'starting' || state === 'stopping')
      .map(({ id, state }) => `${id} is ${state}`);
    const accounts = await reckon(dgx, operator);
    const agree = restless.length === 0 && accounts.every((account) => differenceOf(account) === 0);
    if (agree || performance.now() > deadline) return { accounts, restless };
    await sleep(POLL_MS);
  }
}

async function reckon(dgx: FakeDgx, operator: Operator): Promise<Account[]> {
  const driver = await driverFigures(dgx);
  const scenario: FakeScenario = JSON.parse(await readFile(join(dirname(dgx.path), 'scenario.json'), 'utf8'));
  const residues = await operator.residues();
  const held = (await operator.models()).flatMap(({ replicas }) => replicas).filter(({ pid }) => pid !== null);
  return scenario.gpus.map(({ index, uuid, memory_used_mib: base }) => {
    const here = held.filter(({ device }) => device === uuid);
    const replicas = here.reduce((sum, { resident_bytes: bytes }) => sum + (bytes ?? 0), 0) / MIB;
    return {
      gpu: index,
      driver: driver.get(uuid) ?? Number.NaN,
      base,
      replicas,
      residue: (residues.get(uuid) ?? 0) / MIB,
    };
  });
}

/** Asked by itself, not by way of the gateway: MiB by UUID. */
async function driverFigures(dgx: FakeDgx): Promise<Map<string, number>> {
  const { stdout } = await run(dgx.path, ['--query-gpu=uuid,memory.used', '--format=csv,noheader,nounits']);
  const rows = stdout.trim().split('\n');
  return new Map(rows.map((row) => row.split(', ') as [string, string]).map(([uuid, mib]) => [uuid, Number(mib)]));
}
