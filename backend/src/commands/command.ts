/** What commands beside a gateway share: errors in one line, and a log that says nothing else. */
import { readFile } from 'node:fs/promises';
import type { Logger } from '../logger.ts';

export const say = (message: string) => process.stdout.write(`${message}\n`);
export const complain = (message: string) => process.stderr.write(`${message}\n`);

const nothing = () => {};
export const commandLog: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: complain,
  child: () => commandLog,
};

/** Runs it; exits with 1, and the reason on stderr, when it throws. */
export async function runCommand(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}

export async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { version }: { version: string } = JSON.parse(text);
  return version;
}
