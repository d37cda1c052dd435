/** Runs a program that answers soon and says little. */
import { execFile } from 'node:child_process';

export interface ProgramAnswer {
  /** null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** All of its environment. */
  environment: Readonly<Record<string, string>>;
  /** Kills it. */
  signal: AbortSignal;
}

const MAX_OUTPUT_BYTES = 4 * 2 ** 20;

/** No shell. @throws Error when there is no such program, it cannot be started, was killed or says too much */
export function runProgram(
  program: string,
  args: readonly string[],
  { environment, signal }: RunOptions,
): Promise<ProgramAnswer> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...environment }, signal, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ code: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
      else reject(new Error(`${program}: ${whyNot(error)}`, { cause: error }));
    });
  });
}

function whyNot({
  code,
  signal,
  message,
}: {
  code?: unknown;
  signal?: NodeJS.Signals | null;
  message: string;
}): string {
  if (code === 'ENOENT') return 'it was not found';
  if (code === 'EACCES') return 'it may not be run';
  if (code === 'ABORT_ERR') return 'it did not answer in time';
  return signal ? `it was ended by ${signal}` : message;
}
