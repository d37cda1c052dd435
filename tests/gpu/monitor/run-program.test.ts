import { describe, expect, it } from 'vitest';
import { ProgramRunner } from '../../../backend/src/gpu/run-program.ts';

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

  it('is killed together with what it started, which would keep its output open', async () => {
    const started = performance.now();
    const quick = new ProgramRunner({ ...limits, timeoutMs: 200 });
    await expect(sh(quick, 'sleep 30 & sleep 30')).rejects.toMatchObject({ kind: 'timeout' });
    expect(performance.now() - started).toBeLessThan(5_000);
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
