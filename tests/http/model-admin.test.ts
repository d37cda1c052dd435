/** `/api/admin/models/…`: files fetched and deleted, models of the operator's own, through a real worker and a fake hub. */
import { readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminModel } from '../../backend/src/contract/admin.ts';
import { type AuditRow, auditRow } from '../../backend/src/contract/audit.ts';
import type { ModelPreflight } from '../../backend/src/contract/model-admin.ts';
import {
  type Api,
  errorOf,
  eventually,
  type FormValues,
  json,
  STUB_AUDIO,
  startApi,
  toForm,
} from '../api/start-api.ts';
import { type FakeHub, startFakeHub } from '../support/fake-hub.ts';
import { noise } from '../support/hub-fixture.ts';
import { readAdminEvents } from '../support/read-admin-events.ts';
import { ADMIN_KEY } from '../support/start-app.ts';

const TINY = 'whisper-tiny.en_timestamped';
const WHISPER_CONFIGS = ['config.json', 'generation_config.json', 'preprocessor_config.json', 'tokenizer.json'];
const VAD = 'onnx-community/silero-vad';

/** Names as in a Whisper repository; nobody reads what is in them. */
function whisperFiles(graphs: readonly string[], seed: string): Record<string, string | Uint8Array> {
  const configs = [...WHISPER_CONFIGS, 'tokenizer_config.json'].map((name) => [name, `{"of": "${seed}"}`]);
  return Object.fromEntries([
    ...configs,
    ...graphs.map((name) => [`onnx/${name}.onnx`, noise(10_000, `${seed} ${name}`)]),
  ]);
}

const OWN = { id: 'own-whisper', repo: 'acme/whisper-own', family: 'whisper' };
const GRAPHS = ['encoder_model', 'decoder_model', 'decoder_with_past_model'];

describe('models over HTTP', () => {
  let hub: FakeHub;
  let api: Api;
  beforeAll(async () => {
    hub = await startFakeHub({
      repos: {
        [`onnx-community/${TINY}`]: whisperFiles(GRAPHS, 'tiny'),
        'acme/whisper-own': { ...whisperFiles(['encoder_model', 'decoder_model_merged'], 'own'), 'README.md': '# Own' },
        'acme/whisper-half': whisperFiles(['encoder_model'], 'half'),
        'acme/text': { 'model.safetensors': 'x' },
        'acme/talker': { 'marker.txt': 'x', 'other.txt': 'y' },
        [VAD]: { 'onnx/model.onnx': noise(5_000, 'vad') },
      },
    });
    api = await startApi({
      env: {
        HF_ENDPOINT: hub.url,
        AUTO_DOWNLOAD_MODELS: 'false',
        MODEL_ALIASES: 'mine=fake/echo',
        MODEL_IDLE_TIMEOUT_SECONDS: '1',
      },
    });
  });
  afterAll(async () => {
    await api.close();
    await hub.close();
  });

  const admin = (method: string, path: string, body?: object) =>
    api.fetch(`/api/admin${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const of = (id: string) => `/models/${encodeURIComponent(id)}`;
  const model = async (id: string): Promise<AdminModel> => {
    const { data } = await json<{ data: AdminModel[] }>(await admin('GET', '/models'));
    const found = data.find((item) => item.id === id);
    if (found === undefined) throw new Error(`there is no ${id}`);
    return found;
  };
  const whenStatus = (id: string, status: AdminModel['status']) =>
    eventually(async () => expect(await model(id)).toMatchObject({ status }));
  const download = async (id: string) => {
    expect((await admin('POST', `${of(id)}/download`)).status).toBe(202);
    await whenStatus(id, 'downloaded');
  };
  const deleteFiles = async (id: string): Promise<number> => {
    const response = await admin('DELETE', `${of(id)}/artifacts`);
    expect(response.status).toBe(200);
    return (await json<{ deleted_bytes: number }>(response)).deleted_bytes;
  };
  const cached = (repo: string) => join(api.app.dir, 'models', `models--${repo.replace('/', '--')}`);
  const say = (id: string, word: string, more: FormValues = {}) =>
    api.transcribe({ model: id, prompt: `say:${word}`, file: new File([STUB_AUDIO], 'a.wav'), ...more });
  const lastAudit = async (count: number): Promise<AuditRow[]> => {
    const lines = (await (await admin('GET', '/audit')).text()).trimEnd().split('\n');
    return lines
      .slice(0, -1)
      .slice(-count)
      .map((line) => auditRow.parse(JSON.parse(line)));
  };

  describe('downloads', () => {
    it('an operator starts them where requests may not, and a second call joins the first', async () => {
      expect(await errorOf(await api.transcribe({ model: TINY }))).toMatchObject({ code: 'model_not_downloaded' });
      const slow = hub.faults.add({ kind: 'slow', bytesPerSecond: 50_000 });
      const answers = await Promise.all([1, 2].map(() => admin('POST', `${of(TINY)}/download`)));
      for (const answer of answers) {
        expect(answer.status).toBe(202);
        expect(await json(answer)).toMatchObject({ id: TINY, status: 'downloading' });
      }
      slow();
      await whenStatus(TINY, 'downloaded');
      const fetched = hub.requests.filter(({ origin, repo }) => origin === 'storage' && repo?.endsWith(TINY));
      expect(fetched.map(({ file }) => file).sort()).toEqual(GRAPHS.map((name) => `onnx/${name}.onnx`).sort());
      expect(await json(await admin('POST', `${of(TINY)}/download`))).toMatchObject({ status: 'downloaded' });
    });

    it('a cancelled one leaves what it has for the next', async () => {
      await deleteFiles(TINY);
      hub.faults.add({ kind: 'stall', at: 6_000 }, { file: 'onnx/decoder_model.onnx', times: 1 });
      await admin('POST', `${of(TINY)}/download`);
      const isStalled = () =>
        hub.requests.some(({ file, bytes }) => file === 'onnx/decoder_model.onnx' && bytes === 6_000);
      await eventually(() => expect(isStalled()).toBe(true));
      expect(await errorOf(await admin('DELETE', `${of(TINY)}/artifacts`))).toMatchObject({
        status: 409,
        code: 'model_in_use',
        param: 'key',
      });
      const cancelled = await admin('POST', `${of(TINY)}/cancel-download`);
      expect(await json(cancelled)).toMatchObject({ status: 'absent' });
      const before = hub.requests.length;
      await download(TINY);
      const ranges = hub.requests
        .slice(before)
        .filter(({ origin, range }) => origin === 'storage' && range !== undefined);
      expect(ranges).toMatchObject([{ file: 'onnx/decoder_model.onnx', range: 'bytes=6000-' }]);
      expect((await admin('POST', `${of(TINY)}/cancel-download`)).status).toBe(200);
    });

    it('the size of what is not here is told as soon as the hub has told it, and never asked for', async () => {
      const asked = hub.requests.length;
      expect((await model('whisper-base')).download_bytes).toBeNull();
      expect((await model(TINY)).download_bytes).toBeNull();
      expect(hub.requests.length).toBe(asked);
      const { files } = await model(TINY);
      await deleteFiles(TINY);
      expect((await model(TINY)).download_bytes).toBe(files.total_bytes);
      await download(TINY);
    });

    it('tells how fast it goes and how long it takes, and that nothing comes any more', async () => {
      await deleteFiles(TINY);
      const slow = hub.faults.add({ kind: 'slow', bytesPerSecond: 4_000 }, { file: 'onnx/encoder_model.onnx' });
      const stream = await readAdminEvents(api);
      await admin('POST', `${of(TINY)}/download`);
      const told = () => stream.of('download.progress').filter(({ files }) => files.download?.bytes_per_second != null);
      await eventually(() => expect(told().length).toBeGreaterThan(2));
      const events = stream.of('download.progress');
      const rates = events.flatMap(({ files }) => files.download?.bytes_per_second ?? []);
      expect(events.map(({ model: id }) => id)).toContain(TINY);
      expect(rates.at(-1)).toBeGreaterThan(500);
      expect(rates.at(-1)).toBeLessThan(30_000);
      const { download } = (await model(TINY)).files;
      expect(download).toMatchObject({ phase: 'downloading', stalled_seconds: 0 });
      expect(download?.eta_seconds).toBeGreaterThanOrEqual(0);
      slow();
      await whenStatus(TINY, 'downloaded');
      expect((await model(TINY)).files.download).toBeNull();
    });

    it('a paused one keeps what it has and says so; one that is discarded leaves nothing', async () => {
      await deleteFiles(TINY);
      const stalled = hub.faults.add({ kind: 'stall', at: 6_000 }, { file: 'onnx/decoder_model.onnx' });
      const partials = async () => {
        const names = await readdir(join(cached(`onnx-community/${TINY}`), 'blobs')).catch(() => []);
        return names.filter((name) => name.endsWith('.partial'));
      };
      await admin('POST', `${of(TINY)}/download`);
      await eventually(async () => expect((await model(TINY)).files.bytes).toBeGreaterThan(6_000));
      await eventually(async () => {
        expect((await model(TINY)).files.download).toMatchObject({ eta_seconds: null });
        expect((await model(TINY)).files.download?.stalled_seconds).toBeGreaterThanOrEqual(3);
      });
      const paused = await json<AdminModel>(await admin('POST', `${of(TINY)}/pause-download`));
      expect(paused).toMatchObject({ status: 'absent', files: { download: { phase: 'paused', eta_seconds: null } } });
      expect(paused.files.bytes).toBeGreaterThan(6_000);
      expect(await partials()).toHaveLength(1);
      const discarded = await admin('POST', `${of(TINY)}/cancel-download`, { discard: true });
      expect(await json(discarded)).toMatchObject({ status: 'absent', files: { bytes: 0, download: null } });
      await expect(stat(cached(`onnx-community/${TINY}`))).rejects.toThrow('ENOENT');
      stalled();
      await download(TINY);
      const kept = await admin('POST', `${of(TINY)}/cancel-download`, { discard: true });
      expect(await json(kept)).toMatchObject({ status: 'downloaded' });
    });

    it('one that failed says why, and is started again', async () => {
      await deleteFiles(TINY);
      hub.faults.add({ kind: 'gated' }, { repo: `onnx-community/${TINY}`, stage: 'api', times: 1 });
      await admin('POST', `${of(TINY)}/download`);
      await whenStatus(TINY, 'failed');
      expect((await model(TINY)).files.reason).toMatch(/licence/);
      await download(TINY);
    });
  });

  describe('deletion', () => {
    it('frees what no other model needs, and keeps what one does', async () => {
      await download(TINY);
      await admin('POST', '/models', { ...OWN, settings: { license: 'MIT' } });
      await download('own-whisper');
      const configs = Buffer.byteLength('{"of": "tiny"}');
      // Five equal configurations are one blob.
      expect(await deleteFiles(TINY)).toBe(30_000 + configs);
      expect(await model(TINY)).toMatchObject({ status: 'absent', files: { bytes: 0, commit: null } });
      await expect(stat(cached(`onnx-community/${TINY}`))).rejects.toThrow('ENOENT');
      expect(await readdir(join(cached(VAD), 'blobs'))).toHaveLength(1);
      await download(TINY);

      await deleteFiles(TINY);
      expect(await deleteFiles('own-whisper')).toBe(20_000 + 5_000 + Buffer.byteLength('{"of": "own"}'));
      await expect(stat(cached(VAD))).rejects.toThrow('ENOENT');
      expect((await admin('DELETE', of('own-whisper'))).status).toBe(200);
    });

    it('of a folder that is a link is refused, and the model stays what it is', async () => {
      await download(TINY);
      const [folder, elsewhere] = [cached(`onnx-community/${TINY}`), join(api.app.dir, 'elsewhere')];
      await rename(folder, elsewhere);
      await symlink(elsewhere, folder);
      const refused = await admin('DELETE', `${of(TINY)}/artifacts`);
      expect(await errorOf(refused)).toMatchObject({ status: 409, code: 'model_files_elsewhere' });
      expect(await model(TINY)).toMatchObject({ status: 'downloaded' });
      await rm(folder);
      await rename(elsewhere, folder);
      expect(await deleteFiles(TINY)).toBeGreaterThan(30_000);
    });

    it('is refused while a replica runs, and of a model that is not', async () => {
      expect((await say('mine', 'hello')).status).toBe(200);
      const refused = await admin('DELETE', `${of('mine')}/artifacts`);
      expect(await errorOf(refused)).toMatchObject({ status: 409, code: 'model_in_use' });
      await eventually(async () => {
        expect(await model('fake/echo')).toMatchObject({ replicas: [{ state: 'stopped' }] });
      });
      expect(await deleteFiles('mine')).toBe(Buffer.byteLength('echo\n'));
      expect(await errorOf(await say('mine', 'hello'))).toMatchObject({ code: 'model_not_downloaded' });
      expect(await errorOf(await admin('DELETE', `${of('no such')}/artifacts`))).toMatchObject({
        status: 404,
        code: 'model_not_found',
        param: 'key',
      });
    });
  });

  describe('preflight', () => {
    const preflight = async (body: object) => {
      const response = await admin('POST', '/models/preflight', body);
      return response.status === 200 ? json<ModelPreflight>(response) : errorOf(response);
    };

    it('tells what would be fetched, of an address as it is copied, and fetches nothing', async () => {
      const before = hub.requests.length;
      const found = await preflight({ repo: 'https://huggingface.co/acme/whisper-own/tree/main?x=1' });
      expect(found).toMatchObject({
        repo: 'acme/whisper-own',
        revision: 'main',
        commit: await hub.commitOf('acme/whisper-own'),
        license: 'apache-2.0',
        gated: null,
        accessible: true,
        supported: true,
        family: 'whisper',
        task: 'transcription',
        reason: null,
        models: [],
        fits: true,
      });
      const { files, total_bytes, missing_bytes, free_bytes, free_bytes_after } = found as ModelPreflight;
      expect(files).toContainEqual({ repo: 'acme/whisper-own', path: 'onnx/encoder_model.onnx', bytes: 10_000 });
      expect(files).toContainEqual({ repo: VAD, path: 'onnx/model.onnx', bytes: 5_000 });
      expect(files.map(({ path }) => path)).not.toContain('README.md');
      expect(total_bytes).toBe(files.reduce((sum, { bytes }) => sum + bytes, 0));
      expect(missing_bytes).toBeGreaterThan(20_000);
      expect(free_bytes_after).toBe(free_bytes - missing_bytes);
      expect(hub.requests.slice(before).filter(({ file }) => file !== undefined)).toEqual([]);
    });

    it('of what is here nothing is missing, and its models are named', async () => {
      await download(TINY);
      const found = await preflight({ repo: `${hub.url}/onnx-community/${TINY}`, family: 'whisper' });
      expect(found).toMatchObject({ missing_bytes: 0, models: [TINY], revision: 'main' });
      await deleteFiles(TINY);
    });

    it('says whether a gated one is open to the token there is', async () => {
      const gate = hub.faults.add({ kind: 'gated' }, { repo: 'acme/whisper-own' });
      expect(await preflight({ repo: 'acme/whisper-own' })).toMatchObject({ gated: 'auto', accessible: false });
      gate();
      expect(await preflight({ repo: 'acme/whisper-own' })).toMatchObject({ gated: null, accessible: true });
      // The model is not of that repository, and its own was not asked for.
      expect((await model('fake/echo')).repositories).toMatchObject([{ gated: null, accessible: null }]);
    });

    it('says why no family takes it', async () => {
      const half = await preflight({ repo: 'acme/whisper-half', family: 'whisper' });
      expect(half).toMatchObject({ supported: false, family: null, files: [], total_bytes: 0 });
      expect((half as ModelPreflight).reason).toMatch(/onnx\/decoder_model\.onnx/);
      const none = (await preflight({ repo: 'acme/text' })) as ModelPreflight;
      expect(none.reason).toMatch(/no ONNX graph/);
      const transducer = none.candidates.find(({ family }) => family === 'transducer');
      expect(transducer).toMatchObject({ supported: false, param: 'settings.language' });
    });

    it.each([
      ['a folder', { repo: '../etc' }, 400, 'invalid_value', 'repo'],
      ['a data set', { repo: 'https://huggingface.co/datasets/a/b' }, 400, 'invalid_value', 'repo'],
      ['another site', { repo: 'https://example.com/a/b' }, 400, 'invalid_value', 'repo'],
      ['a family nobody has', { repo: 'acme/talker', family: 'parrot' }, 400, 'invalid_value', 'family'],
      ['a revision the hub lacks', { repo: 'acme/talker', revision: 'v9' }, 400, 'invalid_value', 'repo'],
      ['a repository the hub hides', { repo: 'acme/none' }, 502, 'hub_access_denied', 'repo'],
    ])('%s is refused', async (_title, body, status, code, param) => {
      expect(await preflight(body)).toMatchObject({ status, code, param });
    });
  });

  describe('a licence that is not known to be free', () => {
    const confirm = (id: string) => admin('POST', `${of(id)}/confirm-license`);
    const noted = async () => {
      const rows = await lastAudit(1000);
      return rows.filter(({ action, result }) => action === 'model.confirm_license' && result === 'success');
    };

    it('is confirmed once, before the model is downloaded, loaded or asked', async () => {
      await admin('POST', '/models', OWN);
      const open = { required: true, confirmed_at: null, confirmed_by: null };
      expect(await model(OWN.id)).toMatchObject({ license: 'unknown', license_confirmation: open });
      const order = {
        gpu_device_ids: ['cpu'],
        replicas_per_gpu: 1,
        precision: null,
        keep_alive: null,
        max_batch: null,
      };
      for (const refused of [
        await admin('POST', `${of(OWN.id)}/download`),
        await admin('POST', `${of(OWN.id)}/load`, order),
        await say(OWN.id, 'hello'),
        await say(OWN.id, 'hello', { background: 'true' }),
      ]) {
        const body = await json<{ error: { message: string; license: string } }>(refused.clone());
        expect(await errorOf(refused)).toMatchObject({ status: 403, code: 'license_not_confirmed' });
        expect(body.error).toMatchObject({ license: 'unknown' });
        expect(body.error.message).toContain('POST /api/admin/models/own-whisper/confirm-license');
      }
      expect(await model(OWN.id)).toMatchObject({ status: 'absent', placement: null });

      const confirmed = await json<AdminModel>(await confirm(OWN.id));
      expect(confirmed.license_confirmation).toEqual({
        required: true,
        confirmed_at: expect.closeTo(Date.now() / 1000, -2),
        confirmed_by: expect.stringMatching(/./),
      });
      expect(await json<AdminModel>(await confirm(OWN.id))).toMatchObject({
        license_confirmation: confirmed.license_confirmation,
      });
      const rows = await noted();
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject({
        actor: confirmed.license_confirmation.confirmed_by,
        subject: 'own-whisper acme/whisper-own@main unknown',
      });
      await download(OWN.id);
    });

    it('is confirmed for that licence of that repository, and for whoever starts next', async () => {
      await admin('DELETE', of(OWN.id));
      await admin('POST', '/models', { ...OWN, settings: { license: 'CC-BY-NC-4.0' } });
      expect(await model(OWN.id)).toMatchObject({ license_confirmation: { required: true, confirmed_at: null } });
      expect(await errorOf(await say(OWN.id, 'hello'))).toMatchObject({ code: 'license_not_confirmed' });
      const again = await startApi({
        env: {
          DATABASE_URL: api.app.databaseUrl,
          MODEL_CACHE_DIR: join(api.app.dir, 'models'),
          PRELOAD_MODELS: OWN.id,
        },
      });
      try {
        // Left out with a warning: the server is ready without it.
        expect(again.app.registry.missingPreloads).toEqual([]);
        expect(again.app.registry.describe(OWN.id)).toMatchObject({ status: 'downloaded' });
        const log = join(again.app.dir, 'logs');
        await eventually(async () => {
          const texts = await Promise.all((await readdir(log)).map((name) => readFile(join(log, name), 'utf8')));
          expect(texts.join('')).toContain('its licence has not been confirmed');
        });
        await confirm(OWN.id);
        // The other gateway hears of it when it next refuses.
        await eventually(() => again.app.registry.resolve(OWN.id, 'transcription'));
      } finally {
        await again.close();
      }
      await admin('DELETE', of(OWN.id));
      await admin('POST', '/models', OWN);
      expect(await model(OWN.id)).toMatchObject({ license_confirmation: { confirmed_at: expect.any(Number) } });
      await admin('DELETE', `${of(OWN.id)}/artifacts`);
      await admin('DELETE', of(OWN.id));
    });

    it('needs none where it is free; the audit has no row of that', async () => {
      const before = (await noted()).length;
      expect(await json<AdminModel>(await confirm('fake/echo'))).toMatchObject({
        license_confirmation: { required: false, confirmed_at: null, confirmed_by: null },
      });
      expect(await noted()).toHaveLength(before);
      expect(await errorOf(await confirm('no such'))).toMatchObject({ status: 404, code: 'model_not_found' });
    });
  });

  describe('registration', () => {
    const talker = { id: 'acme/talker', repo: 'acme/talker', family: 'echo', settings: { greeting: 'good day, ' } };

    it('a repository becomes a model that the worker loads with its own settings, and outlives a restart', async () => {
      const made = await admin('POST', '/models', talker);
      expect(made.status).toBe(201);
      expect(await json(made)).toMatchObject({ id: talker.id, family: 'echo', revision: 'main', status: 'absent' });
      expect((await api.fetch(`/v1/models/${talker.id}`)).status).toBe(200);
      expect(await errorOf(await say(talker.id, 'Ann'))).toMatchObject({ code: 'model_not_downloaded' });
      await download(talker.id);
      expect(await json(await say(talker.id, 'Ann'))).toMatchObject({ text: 'good day, Ann' });

      const again = await startApi({
        env: {
          DATABASE_URL: api.app.databaseUrl,
          MODEL_CACHE_DIR: join(api.app.dir, 'models'),
          MODEL_ALIASES: `speaker=${talker.id}`,
        },
      });
      try {
        const form = toForm({ model: 'speaker', prompt: 'say:Bob', file: new File([STUB_AUDIO], 'a.wav') });
        const response = await again.fetch('/v1/audio/transcriptions', { method: 'POST', body: form });
        expect(await json(response)).toMatchObject({ text: 'good day, Bob' });
        const named = await again.fetch(`/api/admin/models/speaker`, {
          method: 'DELETE',
          headers: { authorization: `Bearer ${ADMIN_KEY}` },
        });
        expect(await errorOf(named)).toMatchObject({ code: 'model_in_use' });
      } finally {
        await again.close();
      }
    });

    it('is undone, for registered models alone; files stay', async () => {
      expect(await model(talker.id)).toMatchObject({ registered: true });
      expect(await model(TINY)).toMatchObject({ registered: false });
      await eventually(async () => expect((await admin('DELETE', of(talker.id))).status).toBe(200));
      expect((await api.fetch(`/v1/models/${talker.id}`)).status).toBe(404);
      expect(await readFile(join(cached(talker.repo), 'refs', 'main'), 'utf8')).toMatch(/^\w{40}$/);
      expect((await admin('POST', '/models', talker)).status).toBe(201);
      expect(await model(talker.id)).toMatchObject({ status: 'downloaded' });
      expect((await admin('DELETE', of(talker.id))).status).toBe(200);
      const builtIn = await admin('DELETE', of(TINY));
      expect(builtIn.headers.get('x-should-retry')).toBe('false');
      expect(await errorOf(builtIn)).toMatchObject({ status: 409, code: 'model_is_built_in' });
    });

    it('names the files that the repository lacks', async () => {
      const body = { id: 'half', repo: 'acme/whisper-half', family: 'whisper' };
      const response = await admin('POST', '/models', body);
      expect(response.status).toBe(400);
      const { error } = await json<{ error: { param: string; message: string; missing_files: string[] } }>(response);
      expect(error).toMatchObject({
        code: 'invalid_value',
        param: 'repo',
        message: expect.stringContaining('acme/whisper-half'),
      });
      expect(error.missing_files).toEqual(
        expect.arrayContaining(['onnx/decoder_model.onnx', 'onnx/decoder_with_past_model.onnx']),
      );
      expect((await api.fetch('/v1/models/half')).status).toBe(404);
    });

    it.each([
      ['an id of a model', { ...talker, id: TINY }, 409, 'model_exists', 'id'],
      ['an alias', { ...talker, id: 'mine' }, 409, 'model_exists', 'id'],
      ['an id with blanks', { ...talker, id: 'my model' }, 400, 'invalid_value', 'id'],
      ['an id that climbs', { ...talker, id: 'a/../b' }, 400, 'invalid_value', 'id'],
      ['a family nobody has', { ...talker, family: 'parrot' }, 400, 'invalid_value', 'family'],
      ['a repository that is none', { ...talker, repo: '../etc' }, 400, 'invalid_value', 'repo'],
      ['a revision the hub lacks', { ...talker, revision: 'v9' }, 400, 'invalid_value', 'repo'],
      ['a repository the hub hides', { ...talker, repo: 'acme/none' }, 502, 'hub_access_denied', 'repo'],
      ['a setting with NUL', { ...talker, settings: { greeting: 'a\0' } }, 400, 'invalid_value', 'settings'],
      ['a setting nobody knows', { ...talker, settings: { shout: true } }, 400, 'invalid_value', 'settings.shout'],
      ['a member nobody knows', { ...talker, task: 'x' }, 400, 'invalid_value', 'task'],
    ])('%s is refused, and the member named', async (_title, body, status, code, param) => {
      expect(await errorOf(await admin('POST', '/models', body))).toMatchObject({ status, code, param });
      expect((await api.fetch('/v1/models/acme%2Ftalker')).status).toBe(404);
    });
  });

  it('the audit log has each action, by the id of the model', async () => {
    await admin('POST', `${of('mine')}/cancel-download`);
    await admin('DELETE', of('mine'));
    await admin('DELETE', `${of('somebody@example.org')}/artifacts`);
    await admin('DELETE', `${of(TINY)}/artifacts`);
    const actor = expect.stringMatching(/^env_/);
    expect(await lastAudit(4)).toMatchObject([
      { actor, action: 'model.cancel_download', subject: 'fake/echo', result: 'success' },
      { actor, action: 'model.unregister', subject: 'fake/echo', result: 'failure', error_code: 'model_is_built_in' },
      { actor, action: 'model.delete_artifacts', subject: null, result: 'failure', error_code: 'model_not_found' },
      { actor, action: 'model.delete_artifacts', subject: TINY, result: 'success', size: 0 },
    ]);
  });
});
