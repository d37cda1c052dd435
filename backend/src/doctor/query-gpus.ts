/** Asks nvidia-smi which GPUs there are. */
import { runProgram } from './run-program.ts';

export interface GpuReading {
  driverVersion: string | null;
  gpus: readonly { index: number; uuid: string; name: string; mig_enabled: boolean | null }[];
  /** GPUs that the driver names only to say that it cannot reach them. */
  lost: readonly { reason: string }[];
}

export interface QueryGpusOptions {
  /** A name looked up in PATH, or a path. */
  program: string;
  environment: Readonly<Record<string, string>>;
}

const FIELDS = 'index,uuid,name,driver_version,mig.mode.current';

/** @throws Error with the driver's own words when it tells of no GPU */
export async function queryGpus({ program, environment }: QueryGpusOptions, signal: AbortSignal): Promise<GpuReading> {
  const args = [`--query-gpu=${FIELDS}`, '--format=csv,noheader'];
  const { code, stdout, stderr } = await runProgram(program, args, { environment, signal });
  const lines = `${stdout}\n${stderr}`.split('\n').map((line) => line.trim());
  const rows = lines.map((line) => line.split(',').map((cell) => cell.trim())).filter((cells) => cells.length === 5);
  const gpus = rows.flatMap(([index = '', uuid = '', name = '', , mig = '']) =>
    /^\d+$/.test(index) && uuid.includes('-')
      ? [{ index: Number(index), uuid, name, mig_enabled: /^(en|dis)abled$/i.test(mig) ? /^en/i.test(mig) : null }]
      : [],
  );
  const others = lines.filter((line) => line !== '' && line.split(',').length !== 5);
  if (gpus.length === 0) throw new Error(others[0] ?? `nvidia-smi ended with code ${code}`);
  const lost = others.filter((line) => /device handle|is lost/i.test(line)).map((reason) => ({ reason }));
  return { driverVersion: rows.find(([index]) => /^\d+$/.test(index ?? ''))?.[3] ?? null, gpus, lost };
}
