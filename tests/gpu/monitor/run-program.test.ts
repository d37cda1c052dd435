import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ProgramRunner } from '../../../backend/src/gpu/run-program.ts';
import { isAlive } from '../../support/processes.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitUntil } from '../../support/wait-until.ts';

const never = new AbortController().signal;
const sh = (runner: ProgramRunner, script: string) => runner.run('/bin/sh', ['-c', script], never);

describe('a program that may hang', () => {
  const limits = { environment: { GREETING: 'hello' }, timeoutMs: 20_000, maxOutputBytes: 10_000 };
  const runner = new ProgramRunner(limits);

  it('gives its code and both outputs, and sees the environment it is given alone', async () => {
    process.env.RUN_PROGRAM_SECRET = 'secret';
    const end = await sh(runner, 'echo "$GREETING$RUN_PROGRAM_SECRET"; echo oops >&2; exit 3');
    delete process.env.RUN_PROGRAM_SECRET;
    expect(end).toEqual({ code: 3, stdout: 'hello\n', stderr: 'oops\n' });
  });

  it('is killed when it writes without end', async () => {
    await expect(sh(runner, 'while :; do echo 0123456789; done')).rejects.toMatchObject({ kind: 'output' });
  });

  it('is killed together with what it started', async () => {
    const file = join(await tempDir(), 'pid');
    const quick = new ProgramRunner({ ...limits, timeoutMs: 500 });
    const run = quick.run('/bin/sh', ['-c', 'sleep 30 & echo $! > "$0"; wait', file], never);
    await expect(run).rejects.toMatchObject({ kind: 'timeout' });
    const started = Number(await readFile(file, 'utf8'));
    expect(started).toBeGreaterThan(1);
    await waitUntil('it is gone', () => !isAlive(started), { timeoutMs: 5_000 });
  });

  it('says what cannot be started', async () => {
    await expect(runner.run('/nowhere/at-all', [], never)).rejects.toMatchObject({ kind: 'missing' });
    await expect(runner.run('/etc', [], never)).rejects.toMatchObject({ kind: 'missing' });
  });

  it('is not started for a caller who has gone', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(runner.run('/bin/sh', [], gone)).rejects.toThrow('gone');
  });
});
