/** `npm run doctor` as it is called, and the route that tells the same of a gateway that runs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type DoctorReport, doctorReport } from '../../backend/src/contract/doctor.ts';
import { json, startApi } from '../api/start-api.ts';
import { PROJECT_ROOT } from '../support/shared.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { tempDir } from '../support/temp-dir.ts';

async function run(env: Record<string, string>, args: readonly string[] = []) {
  const dir = env.DATA_DIR ?? (await tempDir());
  const child = spawn(process.execPath, [join(PROJECT_ROOT, 'backend/src/commands/doctor.ts'), ...args], {
    env: {
      PATH: process.env.PATH ?? '',
      DATA_DIR: join(dir, 'data'),
      MODEL_CACHE_DIR: join(dir, 'models'),
      LOG_DIR: join(dir, 'logs'),
      HF_ENDPOINT: 'http://127.0.0.1:9',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  const [output, problems] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: (await ended)[0], output, problems };
}

function findingOf({ data }: DoctorReport, id: string) {
  const found = data.find((finding) => finding.id === id);
  if (found === undefined) throw new Error(`there is no ${id} among ${data.map((finding) => finding.id)}`);
  return found;
}

describe('npm run doctor', () => {
  it('leaves no trace before the first start; a hub out of reach is no failure', async () => {
    const dir = join(await tempDir(), 'data');
    const { code, output, problems } = await run({ DATA_DIR: dir, MIN_FREE_DISK_MB: '0' });
    expect({ code, problems }).toEqual({ code: 0, problems: '' });
    expect(output).toMatch(/^ok {4}database +The first start makes one in DATA_DIR\.$/m);
    expect(output).toMatch(
      /^warn {2}hub +http:\/\/127\.0\.0\.1:9 cannot be reached: bad port\n +→ Allow this machine/m,
    );
    expect(output).toMatch(/\n\n\d+ ok, \d+ warn, 0 fail; \d+\.\d s\n$/);
    await expect(access(dir)).rejects.toThrow('ENOENT');
  });

  it('ends with 1 where something fails, and quotes no password', async () => {
    const { code, output } = await run({ DATABASE_URL: 'postgresql://somebody:geheim@127.0.0.1:9/none' }, ['--json']);
    expect(code).toBe(1);
    const report = doctorReport.parse(JSON.parse(output));
    expect(report.status).toBe('fail');
    expect(findingOf(report, 'database')).toMatchObject({
      status: 'fail',
      summary: expect.stringMatching(/^It does not answer: .*ECONNREFUSED/),
    });
    expect(output).not.toContain('geheim');
  });

  it('lists the settings that stop a start', async () => {
    const { code, output } = await run({ API_PORT: 'eighty', LOG_LEVEL: 'loud' });
    expect(code).toBe(1);
    expect(output).toMatch(/^fail {2}settings +The configuration is not valid/);
    expect(output).toMatch(/API_PORT: .*\n.*LOG_LEVEL: /);
  });
});

describe('GET /api/admin/doctor', () => {
  it('tells of the running gateway, of one moment for all who ask', async () => {
    const api = await startApi();
    onTestFinished(() => api.close());
    const ask = async () => {
      const response = await api.fetch('/api/admin/doctor', { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
      expect(response.status).toBe(200);
      return json<DoctorReport>(response);
    };
    const [first, second] = await Promise.all([ask(), ask()]);
    expect(second).toEqual(first);
    expect(await ask()).toEqual(first);
    expect(findingOf(first, 'inference.cpu').status).toBe('ok');
    expect(findingOf(first, 'database')).toMatchObject({ status: 'ok', summary: expect.stringMatching(/^PostgreSQL/) });
    expect(findingOf(first, 'hub').status).toBe('warn');
    expect(first.status).toBe(first.data.some(({ status }) => status === 'fail') ? 'fail' : 'warn');
  });
});
