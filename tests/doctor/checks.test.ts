/** What the doctor says of programs, folders, database, hub, limits and settings, each well and not. */
import { mkdir, readdir, statfs } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Check } from '../../backend/src/doctor/check.ts';
import { type DatabaseState, databaseCheck } from '../../backend/src/doctor/checks/database.ts';
import { ffmpegChecks } from '../../backend/src/doctor/checks/ffmpeg.ts';
import { folderChecks } from '../../backend/src/doctor/checks/folders.ts';
import { hubCheck } from '../../backend/src/doctor/checks/hub.ts';
import {
  examineClock,
  examineMemory,
  examineNode,
  examineOpenFiles,
  machineChecks,
} from '../../backend/src/doctor/checks/machine.ts';
import { settingsCheck } from '../../backend/src/doctor/checks/settings.ts';
import { Doctor } from '../../backend/src/doctor/doctor.ts';
import { examine } from '../../backend/src/doctor/examine.ts';
import { downloadSnapshot } from '../../backend/src/hub/download.ts';
import { freePort } from '../../backend/src/store/free-port.ts';
import { listen, portOf, stop } from '../support/fake-hub/listening.ts';
import { fakePrograms, saying } from '../support/fake-programs.ts';
import { FILES, hubFixture, REPO } from '../support/hub-fixture.ts';
import { tempDir } from '../support/temp-dir.ts';

const NEVER = new AbortController().signal;

async function findings(checks: Check | readonly Check[]) {
  const { data } = await examine([checks].flat(), NEVER);
  return Object.fromEntries(data.map(({ id, ...finding }) => [id, finding]));
}

describe('an examination', () => {
  const check = (id: string, run: Check['run']): Check => ({ id, timeoutMs: 50, run });

  it('comes to its end whatever a check does, in order, and is as bad as its worst', async () => {
    const report = await examine(
      [
        check('slow', async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          return [{ id: 'slow', status: 'ok', summary: 'yes', fix: null, detail: null }];
        }),
        check('throws', () => Promise.reject(new Error('because'))),
        check('hangs', () => new Promise(() => {})),
      ],
      NEVER,
    );
    expect(report).toMatchObject({ object: 'doctor.report', status: 'fail' });
    expect(report.data.map(({ id, status, summary }) => [id, status, summary])).toEqual([
      ['slow', 'ok', 'yes'],
      ['throws', 'fail', 'It could not be examined: because'],
      ['hangs', 'fail', 'It was not known after 0.05 s.'],
    ]);
  });

  it('is made once for all who ask within seconds, and ended by the end of the gateway', async () => {
    let runs = 0;
    let aborted = false;
    const doctor = new Doctor(() => [
      {
        id: 'counted',
        timeoutMs: 60_000,
        run: (signal) => {
          runs += 1;
          return new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              aborted = true;
              reject(signal.reason);
            });
          });
        },
      },
    ]);
    const [first, second] = [doctor.report(), doctor.report()];
    await doctor.close();
    expect(await first).toBe(await second);
    expect(await doctor.report()).toBe(await first);
    expect({ runs, aborted }).toEqual({ runs: 1, aborted: true });
  });
});

describe('ffmpeg', () => {
  const programs = { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' };

  it('is the real one', async () => {
    const environment = { PATH: process.env.PATH ?? '' };
    expect(await findings(ffmpegChecks({ ...programs, environment }))).toEqual({
      ffmpeg: expect.objectContaining({ status: 'ok', summary: expect.stringMatching(/^ffmpeg \d/) }),
      ffprobe: expect.objectContaining({ status: 'ok', summary: expect.stringMatching(/^ffprobe \d/) }),
    });
  });

  it('is missing, or something else', async () => {
    const { environment } = await fakePrograms({ ffprobe: saying('I am no such thing', { code: 3 }) });
    const found = await findings(ffmpegChecks({ ffmpegPath: '/no/ffmpeg', ffprobePath: 'ffprobe', environment }));
    expect(found).toEqual({
      ffmpeg: {
        status: 'fail',
        summary: '/no/ffmpeg: it was not found',
        fix: 'Install ffmpeg (apt-get install ffmpeg), or set FFMPEG_PATH to where ffmpeg is.',
        detail: null,
      },
      ffprobe: expect.objectContaining({ status: 'fail', summary: 'ffprobe is something else, or broken (code 3)' }),
    });
  });

  it('lacks what people send', async () => {
    const { environment } = await fakePrograms({
      ffmpeg: `case "$*" in
        *version) echo "ffmpeg version 7.1 Copyright";;
        *decoders) printf ' A....D pcm_s16le  PCM\\n A....D flac  FLAC\\n A....D opus  Opus\\n A....D aac  AAC\\n';;
        *) printf ' D  matroska,webm  Matroska\\n D  mov,mp4,m4a  QuickTime\\n D  wav  WAV\\n D  flac  x\\n D  aac  x\\n D  mp3  x\\n';;
      esac`,
    });
    const found = await findings(ffmpegChecks({ ...programs, environment }));
    expect(found.ffmpeg).toMatchObject({ status: 'ok', summary: 'ffmpeg 7.1' });
    expect(found['ffmpeg.formats']).toMatchObject({
      status: 'warn',
      summary: 'This build of ffmpeg cannot read mp3, ogg (Vorbis), ogg containers.',
    });
  });
});

describe('folders', () => {
  it('are writable, or will be made, and nothing is left in them', async () => {
    const dir = await tempDir();
    const found = await findings(
      folderChecks({ folders: { DATA_DIR: dir, LOG_DIR: join(dir, 'a', 'b') }, minFreeBytes: 0 }),
    );
    expect(found).toMatchObject({
      'disk.data_dir': { status: 'ok', summary: expect.stringMatching(/^DATA_DIR: [\d.]+ .iB free in /) },
      'disk.log_dir': { status: 'ok', summary: expect.stringContaining('which the first start makes') },
    });
    expect(await readdir(dir)).toEqual([]);
  });

  it('cannot be written to', async () => {
    // Nobody may write there, not even root.
    const found = await findings(folderChecks({ folders: { DATA_DIR: '/proc' }, minFreeBytes: 0 }));
    expect(found['disk.data_dir']).toMatchObject({
      status: 'fail',
      summary: expect.stringMatching(/^DATA_DIR: nothing can be written to \/proc \(/),
      fix: expect.stringContaining('write access to /proc'),
    });
  });

  it('are nearly full, or too full', async () => {
    const dir = await tempDir();
    const { bavail, bsize } = await statfs(dir);
    const free = bavail * bsize;
    const check = (minFreeBytes: number) => findings(folderChecks({ folders: { DATA_DIR: dir }, minFreeBytes }));
    expect((await check(0.75 * free))['disk.data_dir']).toMatchObject({ status: 'warn' });
    expect((await check(2 * free))['disk.data_dir']).toMatchObject({
      status: 'fail',
      fix: expect.stringContaining('Free space'),
    });
  });
});

describe('the database', () => {
  const WELL: DatabaseState = { description: 'PostgreSQL 18.4', pending: [], unknown: [], clockSkewSeconds: 0.1 };
  const check = (change: Partial<DatabaseState>) =>
    findings(databaseCheck({ examineDatabase: async () => ({ ...WELL, ...change }) }));

  it('is well, or yet to be made', async () => {
    expect(await check({})).toMatchObject({
      database: { status: 'ok', summary: 'PostgreSQL 18.4' },
      'database.migrations': { status: 'ok' },
    });
    const none = databaseCheck({ examineDatabase: async () => undefined });
    expect(await findings(none)).toMatchObject({ database: { status: 'ok' } });
  });

  it('does not answer, is of another version, or of another time', async () => {
    const away = databaseCheck({ examineDatabase: () => Promise.reject(new Error('connect ECONNREFUSED')) });
    expect((await findings(away)).database).toMatchObject({
      status: 'fail',
      summary: 'It does not answer: connect ECONNREFUSED',
    });
    expect((await check({ unknown: ['9999-future'] }))['database.migrations']).toMatchObject({
      status: 'fail',
      summary: expect.stringContaining('9999-future'),
    });
    expect((await check({ pending: ['0005-retention'] }))['database.migrations']).toMatchObject({ status: 'warn' });
    expect((await check({ clockSkewSeconds: -90 }))['clock.database']).toMatchObject({
      status: 'warn',
      summary: "Its clock is 90 s behind this machine's.",
    });
  });
});

describe('the hub', () => {
  const repositories = [{ repo: REPO, revision: 'main', files: Object.keys(FILES) }];

  it('answers, and gives what is missing', async () => {
    const { hub, cacheDir } = await hubFixture();
    const options = { endpoint: hub.url, cacheDir, repositories, readToken: async () => undefined };
    expect(await findings(hubCheck(options))).toMatchObject({
      hub: { status: 'ok', summary: `${hub.url} answers` },
      'hub.token': { status: 'ok' },
    });
    expect(hub.requests.filter(({ file }) => file === 'onnx/model.onnx').map(({ origin }) => origin)).toContain('hub');
  });

  it('wants a licence to be accepted; not of what is here already', async () => {
    const { hub, cacheDir, options: download } = await hubFixture();
    const options = { endpoint: hub.url, cacheDir, repositories, readToken: async () => 'hf_of_somebody' };
    hub.faults.add({ kind: 'gated', status: 403, token: 'hf_of_the_owner' });
    expect((await findings(hubCheck(options)))[`hub.access.${REPO}`]).toEqual({
      status: 'warn',
      summary: `The licence of ${REPO} is not accepted by the account of the token.`,
      fix: `Accept the licence at ${hub.url}/${REPO}, and set HUGGINGFACE_TOKEN to a token of that account.`,
      detail: null,
    });
    await downloadSnapshot(download({ token: 'hf_of_the_owner' }));
    expect(Object.keys(await findings(hubCheck(options)))).toEqual(['hub', 'hub.token']);
  });

  it('lacks a repository', async () => {
    const { hub, cacheDir } = await hubFixture();
    const missing = [{ repo: 'acme/none', revision: 'main', files: ['a'] }];
    const options = { endpoint: hub.url, cacheDir, repositories: missing, readToken: async () => 'hf_of_somebody' };
    expect((await findings(hubCheck(options)))['hub.access.acme/none']).toMatchObject({ status: 'warn' });
  });

  it('refuses the token, and has another clock', async () => {
    const server = createServer((request, response) => {
      const known = request.headers.authorization === 'Bearer hf_good';
      const date = new Date(Date.now() + 600_000).toUTCString();
      response.writeHead(known ? 200 : 401, { date }).end('{}');
    });
    await listen(server, '127.0.0.1');
    onTestFinished(() => stop(server));
    const endpoint = `http://127.0.0.1:${portOf(server)}`;
    const check = async (token: string) =>
      findings(hubCheck({ endpoint, cacheDir: await tempDir(), repositories: [], readToken: async () => token }));
    expect(await check('hf_good')).toMatchObject({
      'hub.token': { status: 'ok', summary: 'The hub knows it.' },
      'clock.hub': { status: 'warn', summary: expect.stringMatching(/clock is (600|599|601) s behind the hub's/) },
    });
    const refused = (await check('hf_bad'))['hub.token'];
    expect(refused).toMatchObject({ status: 'fail', fix: expect.stringContaining(`${endpoint}/settings/tokens`) });
    expect(JSON.stringify(refused)).not.toContain('hf_bad');
  });

  it('cannot be reached, which stops nothing', async () => {
    const endpoint = `http://127.0.0.1:${await freePort('127.0.0.1')}`;
    const offline = { endpoint, cacheDir: await tempDir(), repositories };
    const found = await findings(hubCheck({ ...offline, readToken: async () => undefined }));
    expect(found).toEqual({
      hub: expect.objectContaining({ status: 'warn', summary: expect.stringContaining('ECONNREFUSED') }),
    });
  });

  it('has got a token that cannot be one', async () => {
    const options = { endpoint: 'http://127.0.0.1:9', cacheDir: await tempDir(), repositories };
    const readToken = () => Promise.reject(new Error('The hub token is empty or contains characters no token has.'));
    expect(await findings(hubCheck({ ...options, readToken }))).toMatchObject({ 'hub.token': { status: 'fail' } });
  });
});

describe('the machine', () => {
  it('tells of itself', async () => {
    const found = await findings(machineChecks());
    expect(Object.keys(found)).toEqual(['node', 'limits.open_files', 'memory', 'clock']);
    expect(found.node).toMatchObject({ status: 'ok', summary: `Node ${process.versions.node}` });
    expect(found['limits.open_files']?.summary).toMatch(/^(\d+|unlimited) files may be open$/);
  });

  it('is too old, too small or of another time', () => {
    expect(examineNode('24.1.0').status).toBe('warn');
    const limits = (files: string) =>
      examineOpenFiles(`Max processes 10 10 processes\nMax open files   ${files}   ${files}   files`);
    expect(['unlimited', '1048576', '1024', '64'].map((files) => limits(files).status)).toEqual([
      'ok',
      'ok',
      'warn',
      'fail',
    ]);
    const GIB = 2 ** 30;
    expect([4, 1, 0.2].map((available) => examineMemory(available * GIB, 0).status)).toEqual(['ok', 'warn', 'fail']);
    expect(examineMemory(1.25 * GIB, 2 * GIB).summary).toBe('1.3 GiB of 2.0 GiB available');
    expect(examineClock(new Date(0)).status).toBe('fail');
  });
});

describe('settings', () => {
  const WELL = { misspelled: [], metricsToken: undefined, keys: [], environment: {} };

  it('are strange', async () => {
    const dir = await tempDir();
    await mkdir(join(dir, 'lib'));
    const environment = { LD_LIBRARY_PATH: `${join(dir, 'lib')}:${join(dir, 'none')}:` };
    const misspelled = [{ name: 'OPENAI_API_KEY', meant: 'OPENAI_API_KEYS' }];
    const token = 'sk-of-an-admin-0123456789';
    const found = await findings(settingsCheck({ misspelled, metricsToken: token, keys: [token], environment }));
    expect(found).toMatchObject({
      'settings.OPENAI_API_KEY': { status: 'warn', fix: 'If OPENAI_API_KEYS is meant, rename it.' },
      'settings.METRICS_TOKEN': { status: 'warn' },
      'settings.LD_LIBRARY_PATH': { status: 'warn', summary: expect.stringContaining(join(dir, 'none')) },
    });
    expect(JSON.stringify(found)).not.toContain(token);
    expect(await findings(settingsCheck(WELL))).toMatchObject({ settings: { status: 'ok' } });
  });
});
