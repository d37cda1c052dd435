/** A contender of the Whisper benchmark in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WhisperReply, WhisperRequest } from './whisper-protocol.ts';

export interface WhisperChild {
  ask(request: WhisperRequest): Promise<WhisperReply>;
  end(): void;
}

/** Resolves once the child has its model open. `script` beside this file. */
export async function startWhisperChild(script: string, args: readonly string[]): Promise<WhisperChild> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = fork(path, [...args], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
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
      return (await reply) as WhisperReply;
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
