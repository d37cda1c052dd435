/** A contender of a benchmark in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface ForkedChild<Request, Reply> {
  ask(request: Request): Promise<Reply>;
  end(): void;
}

/** Resolves once the child has sent its first message: it is ready. `script` beside this file. */
export async function startChild<Request extends object, Reply>(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ForkedChild<Request, Reply>> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const;
  const child = fork(path, [...args], { env: { ...process.env, ...env }, stdio: [...stdio] });
  try {
    await nextMessage(child);
  } catch (error) {
    child.kill();
    throw error;
  }
  return {
    async ask(request) {
      const reply = nextMessage(child);
      child.send(request);
      return (await reply) as Reply;
    },
    end: () => void child.kill(),
  };
}

async function nextMessage(child: ChildProcess): Promise<unknown> {
  const exited = new AbortController();
  const exit = once(child, 'exit', { signal: exited.signal }).then(([code, signal]) => {
    throw new Error(`The child ended early (${code ?? signal}): ${child.spawnargs.join(' ')}`);
  });
  try {
    const [message] = await Promise.race([once(child, 'message'), exit]);
    return message;
  } finally {
    exit.catch(() => {});
    exited.abort();
  }
}
