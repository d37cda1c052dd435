/** Whether ONNX Runtime computes on a device: one node, in a process like a worker's. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** `reason` is ONNX Runtime's own, or how the process ended. */
export type ProbeResult = { ok: true; seconds: number } | { ok: false; reason: string };

export interface ProbeOptions {
  /** UUID of a GPU; undefined is the CPU. */
  gpu: string | undefined;
  environment: Readonly<Record<string, string>>;
  /** Kills it. */
  signal: AbortSignal;
}

const PROBE_MAIN = fileURLToPath(new URL('./probe-main.ts', import.meta.url));
const STDERR_TAIL_CHARACTERS = 4_096;
/** ONNX Runtime writes what it could not load to stderr, and throws less. */
const LOAD_ERROR = /Failed to load library (\S+) with error: (.*)/;

/** @returns also what it wrote to stderr */
export async function probeDevice({
  gpu,
  environment,
  signal,
}: ProbeOptions): Promise<ProbeResult & { stderr: string }> {
  signal.throwIfAborted();
  const oneGpu = gpu === undefined ? {} : { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: gpu };
  const child = fork(PROBE_MAIN, [gpu === undefined ? 'cpu' : 'cuda'], {
    env: { ...environment, ...oneGpu, ORT_DISABLE_TELEMETRY: '1' },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_TAIL_CHARACTERS);
  });
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  try {
    const result = await new Promise<ProbeResult>((resolve) => {
      let told: ProbeResult | undefined;
      child.once('message', (message: ProbeResult) => {
        told = message;
      });
      child.once('error', (error) => resolve({ ok: false, reason: error.message }));
      child.once('close', (code, end) =>
        resolve(told ?? { ok: false, reason: `it ended with ${end ?? `code ${code}`}` }),
      );
    });
    const missing = LOAD_ERROR.exec(stderr)?.[2];
    const said = !result.ok && missing !== undefined ? { ...result, reason: `${result.reason}: ${missing}` } : result;
    return { ...said, stderr };
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
