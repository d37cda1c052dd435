import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export interface Script {
  child: ChildProcess;
  /** The next line it prints; undefined after the last. */
  nextLine(): Promise<string | undefined>;
  /** Resolves when it has ended and its output is read. */
  ended: Promise<unknown>;
}

/** Runs a script of this folder in a process of its own, killed at the latest when the test ends. */
export function spawnScript(name: string, ...args: string[]): Script {
  const path = fileURLToPath(new URL(name, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => {
    const { done, value } = await lines.next();
    return done ? undefined : value;
  };
  return { child, nextLine, ended };
}
