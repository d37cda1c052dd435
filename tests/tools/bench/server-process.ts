/** A server of a benchmark in a child process. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface ServerProcess extends AsyncDisposable {
  url: string;
  pid: number;
  child: ChildProcess;
}

/** Waits until the script tells its url. @throws when it ends before. */
export async function startServer(
  script: string,
  { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
): Promise<ServerProcess> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = fork(path, args, {
    env: { ...process.env, ...env },
    execArgv: flagsOfStart(),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const early = exited.then(([code, signal]) => {
    throw new Error(`${script} ended early (${code ?? signal})`);
  });
  early.catch(() => {});
  const [message]: { url: string }[] = await Promise.race([once(child, 'message'), early]);
  const { pid } = child;
  if (message === undefined || pid === undefined) throw new Error(`${script} did not start`);
  return {
    url: message.url,
    pid,
    child,
    // Its workers and its database end with it.
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Options of `node` with which `npm start` starts the gateway: what is measured shall be what runs. */
function flagsOfStart(): string[] {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { scripts }: { scripts: { start: string } } = JSON.parse(text);
  return scripts.start.split(' ').filter((word) => word.startsWith('--'));
}
