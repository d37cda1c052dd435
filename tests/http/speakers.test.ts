/** `/v1/speakers` on a server of its own: clips hold what the fake model hears in them. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ANONYMOUS, type KeyScopes } from '../../backend/src/contract/keys.ts';
import type { Speaker } from '../../backend/src/contract/speakers.ts';
import { GatewayError } from '../../backend/src/errors.ts';
import { type HearRequest, speakerRoutes } from '../../backend/src/http/audio/speakers.ts';
import { errorHandler, unknownUrl } from '../../backend/src/http/error-handler.ts';
import { openApiRoute } from '../../backend/src/http/openapi.ts';
import { contextOf, requestContext } from '../../backend/src/http/request-context.ts';
import { expressPattern, requestHandler } from '../../backend/src/http/route.ts';
import { Spool } from '../../backend/src/http/spool.ts';
import { createUploadReceiver } from '../../backend/src/http/upload.ts';
import { exportAudit } from '../../backend/src/store/audit.ts';
import { SpeakerStore } from '../../backend/src/store/speakers.ts';
import { eventually } from '../api/start-api.ts';
import { openTestDatabase } from '../support/open-test-database.ts';
import { checkApi } from '../support/openapi-check.ts';
import { silentLog } from '../support/silent-log.ts';
import { tempDir } from '../support/temp-dir.ts';

const MIB = 2 ** 20;
const MODELS: Record<string, string> = { default: 'pyannote', alias: 'pyannote', other: 'other' };

interface ErrorBody {
  error: { code: string; param: string | null; message: string };
}
interface SpeakerPage {
  data: Speaker[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
}

async function openServer() {
  const { db } = await openTestDatabase();
  const store = new SpeakerStore(db);
  const spool = await Spool.open(await tempDir());
  onTestFinished(() => spool.close());
  const uploads = createUploadReceiver({ spool, maxFileBytes: MIB, maxConcurrent: 4, minFreeBytes: 0 });
  const heard: (HearRequest & { file: string })[] = [];
  const routes = speakerRoutes({
    isBundled: () => false,
    speakers: store,
    uploads,
    resolveModel: (name = 'default') => {
      const id = MODELS[name];
      if (id === undefined) throw new GatewayError('model_not_found', { message: 'No such model.', param: 'model' });
      return id;
    },
    hear: async (audioPath, request) => {
      const content = await readFile(audioPath, 'utf8');
      heard.push({ ...request, file: basename(audioPath) });
      if (content === 'wait') {
        // Too late to stop it: it is heard all the same.
        await once(request.signal, 'abort');
        return { model: request.model, voiceprint: [1, 0], seconds: 5 };
      }
      if (content === 'noise') throw new GatewayError('unsupported_audio', { message: 'No audio.', param: 'file' });
      return { model: request.model, voiceprint: [1, 0], seconds: 5, ...JSON.parse(content) };
    },
  });
  const app = express().use(requestContext(silentLog));
  app.use((request, response, next) => {
    const scopes: KeyScopes = { admin: false, tasks: null, models: null, ...JSON.parse(request.get('scopes') ?? '{}') };
    contextOf(response).principal = { ...ANONYMOUS, id: request.get('owner') ?? 'key_1', scopes };
    next();
  });
  for (const route of [...routes, openApiRoute(routes, '1')])
    app[route.method](expressPattern(route), requestHandler(route));
  const server = app.use(unknownUrl).use(errorHandler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { fetch } = await checkApi({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });

  async function ask<T = ErrorBody>(method: string, path: string, init: RequestInit = {}) {
    const response = await fetch(`/v1/speakers${path}`, { method, ...init });
    return { status: response.status, headers: response.headers, body: (await response.json()) as T };
  }
  /** Each clip is a file's content, or a part of its own. */
  function enrol<T = ErrorBody>(
    fields: Record<string, string>,
    clips: readonly (string | [part: string, content: Blob | string])[] = ['{}'],
    init: RequestInit = {},
  ) {
    const form = new FormData();
    for (const [name, value] of Object.entries({ consent: 'true', ...fields })) form.append(name, value);
    for (const [index, clip] of clips.entries()) {
      const [part, content] = typeof clip === 'string' ? ['clips[]', clip] : clip;
      form.append(part, new File([content], `${index + 1}.wav`));
    }
    return ask<T>('POST', '', { body: form, ...init });
  }
  const uploaded = () => readdirSync(spool.dir);
  return { db, store, heard, ask, enrol, uploaded };
}

const clip = (voiceprint: number[], seconds = 5) => JSON.stringify({ voiceprint, seconds });
const as = (owner: string) => ({ headers: { owner } });

describe('enrolling', () => {
  it('hears each clip, keeps one voice, and tells of it without its voiceprint', async () => {
    const { store, heard, enrol, ask, uploaded } = await openServer();
    const clips = [clip([0, 8], 1.5), clip([0, 0.5], 10)];
    const answer = await enrol<Speaker>({ name: ' Ann ', expires_after_days: '30' }, clips);
    expect(answer.status).toBe(201);
    const { id, created_at: created } = answer.body;
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^spk_[0-9a-f]{32}$/),
      object: 'speaker',
      name: 'Ann',
      model: 'pyannote',
      clips: 2,
      seconds: 11.5,
      consent: true,
      created_at: expect.closeTo(Date.now() / 1000, -2),
      expires_at: created + 30 * 86_400,
    });
    expect(await store.named('key_1', ['Ann'])).toEqual([{ name: 'Ann', model: 'pyannote', voiceprint: [0, 1] }]);
    expect(heard.map(({ file, model, caller }) => [file, model, caller.id])).toEqual([
      ['audio-0', 'pyannote', 'key_1'],
      ['audio-1', 'pyannote', 'key_1'],
    ]);
    expect(new Set(heard.map(({ reference }) => reference)).size).toBe(2);
    expect((await ask('GET', `/${id}`)).body).toEqual(answer.body);
    await eventually(() => expect(uploaded()).toEqual([]));
  });

  it('takes clips under each name of their part, in the order in which they come, ten at most', async () => {
    const { enrol, heard } = await openServer();
    const parts = ['clips[]', 'file', 'clips', 'file[]', 'clips[]', 'clips', 'file', 'file', 'file', 'file'];
    const clips = parts.map((part, index): [string, string] => [part, clip([1, index / 100])]);
    expect((await enrol<Speaker>({ name: 'Ann', model: 'alias' }, clips)).body).toMatchObject({
      clips: 10,
      seconds: 50,
    });
    expect(heard.map(({ file }) => file)).toEqual(parts.map((_, index) => `audio-${index}`));
    const eleven = await enrol({ name: 'Bob' }, [...clips, '{}']);
    expect([eleven.status, eleven.body.error.code]).toEqual([400, 'invalid_value']);
    expect(eleven.body.error.message).toContain('at most 10 files');
    expect(heard).toHaveLength(10);
  });

  it.each([
    ['without consent', { consent: '' }, 'consent_required', 'consent'],
    ['with another word for it', { consent: 'yes' }, 'consent_required', 'consent'],
    ['without a name', { name: '' }, 'missing_required_parameter', 'name'],
    ['with a name of spaces', { name: '  ' }, 'invalid_value', 'name'],
    ['with a name of two lines', { name: 'a\nb' }, 'invalid_value', 'name'],
    ['with a long name', { name: 'x'.repeat(65) }, 'invalid_value', 'name'],
    ['for no days', { expires_after_days: '0' }, 'invalid_value', 'expires_after_days'],
    ['for eleven years', { expires_after_days: '4000' }, 'invalid_value', 'expires_after_days'],
    ['for a word', { expires_after_days: 'ever' }, 'invalid_value', 'expires_after_days'],
  ])('%s is refused before anything is heard', async (_, fields, code, param) => {
    const { enrol, heard } = await openServer();
    const { status, body } = await enrol({ name: 'Ann', ...fields });
    expect([status, body.error.code, body.error.param]).toEqual([400, code, param]);
    expect(heard).toEqual([]);
  });

  it('with a model that is none, or not the key’s, is refused before anything is heard', async () => {
    const { enrol, heard } = await openServer();
    expect(await enrol({ name: 'Ann', model: 'none' })).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_found', param: 'model' } },
    });
    const scoped = { headers: { scopes: JSON.stringify({ models: ['other'] }) } };
    expect(await enrol({ name: 'Ann' }, ['{}'], scoped)).toMatchObject({
      status: 403,
      body: { error: { code: 'insufficient_scope' } },
    });
    expect((await enrol<Speaker>({ name: 'Ann', model: 'other' }, ['{}'], scoped)).body.model).toBe('other');
    expect(heard).toHaveLength(1);
  });

  it.each([
    ['no clip', [], 'missing_required_parameter', 'clips'],
    ['an empty clip', ['{}', ''], 'audio_too_short', 'clips[]'],
    ['a clip of silence', ['{}', clip([], 0)], 'audio_too_short', 'clips[]'],
    ['two voices', ['{}', clip([0, 1])], 'speakers_differ', 'clips[]'],
    ['a clip that is no audio', [['file', 'noise'] as [string, string]], 'unsupported_audio', 'file'],
    ['a file under another name', ['{}', ['audio', '{}'] as [string, string]], 'invalid_value', 'audio'],
  ])('with %s leaves nothing behind', async (_, clips, code, param) => {
    const { enrol, ask, uploaded } = await openServer();
    const { status, body } = await enrol({ name: 'Ann' }, clips);
    expect([status, body.error.code, body.error.param]).toEqual([400, code, param]);
    expect((await ask<SpeakerPage>('GET', '')).body.data).toEqual([]);
    await eventually(() => expect(uploaded()).toEqual([]));
  });

  it('with clips as text says how to send them', async () => {
    const { enrol } = await openServer();
    for (const part of ['file', 'clips', 'clips[]']) {
      const { body } = await enrol({ name: 'Ann', [part]: 'RIFF' }, []);
      expect(body.error.message).toContain('came as text');
    }
  });

  it('takes as many bytes of clips together as of one file', async () => {
    const { enrol, uploaded } = await openServer();
    // JSON may end in spaces.
    const padded = (bytes: number) => '{}'.padEnd(bytes);
    expect((await enrol({ name: 'Ann' }, [padded(MIB / 2), padded(MIB / 2)])).status).toBe(201);
    for (const clips of [
      [padded(MIB / 2), padded(MIB / 2), padded(2)],
      [padded(MIB + 1), '{}'],
    ]) {
      const { status, body } = await enrol({ name: 'Bob' }, clips);
      expect([status, body.error.code, body.error.param]).toEqual([413, 'request_too_large', 'clips[]']);
      await eventually(() => expect(uploaded()).toEqual([]));
    }
  });

  it('needs a name that none of the owner’s speakers has', async () => {
    const { enrol, heard } = await openServer();
    expect((await enrol({ name: 'Ann' })).status).toBe(201);
    const again = await enrol({ name: 'Ann' });
    expect([again.status, again.body.error.code, again.body.error.param]).toEqual([409, 'speaker_exists', 'name']);
    // The official clients repeat a 409 otherwise.
    expect(again.headers.get('x-should-retry')).toBe('false');
    expect(heard).toHaveLength(1);
    expect((await enrol({ name: 'Ann' }, ['{}'], as('key_2'))).status).toBe(201);
    const both = await Promise.all([enrol({ name: 'Bob' }), enrol({ name: 'Bob' })]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it('that its client left enrols nobody', async () => {
    const { enrol, heard, store, uploaded } = await openServer();
    const stop = new AbortController();
    const answer = enrol({ name: 'Ann' }, ['wait'], { signal: stop.signal });
    await eventually(() => expect(heard).toHaveLength(1));
    stop.abort();
    await expect(answer).rejects.toThrow();
    await eventually(() => expect(uploaded()).toEqual([]));
    expect(await store.named('key_1', ['Ann'])).toEqual([]);
  });
});

describe('enrolled speakers', () => {
  it('come in pages, newest first, to their owner alone', async () => {
    const { enrol, ask } = await openServer();
    for (const name of ['1', '2', '3']) await enrol({ name });
    const { body: foreign } = await enrol<Speaker>({ name: '4' }, ['{}'], as('key_2'));
    const list = async (query: string) => (await ask<SpeakerPage>('GET', query)).body;
    const names = ({ data }: SpeakerPage) => data.map(({ name }) => name);
    const all = await list('');
    expect(names(all)).toEqual(['3', '2', '1']);
    expect(all).toMatchObject({ first_id: all.data[0]?.id, last_id: all.data[2]?.id, has_more: false });
    const page = await list('?limit=2');
    expect([names(page), page.has_more]).toEqual([['3', '2'], true]);
    expect(names(await list(`?limit=2&after=${page.last_id}`))).toEqual(['1']);
    for (const id of [foreign.id, 'spk_1', 'nonsense']) {
      const after = await ask('GET', `?after=${id}`);
      expect([after.status, after.body.error.code]).toEqual([404, 'speaker_not_found']);
      const one = await ask('GET', `/${id}`);
      expect([one.status, one.body.error.code]).toEqual([404, 'speaker_not_found']);
    }
  });

  it.each(['limit=0', 'limit=101', 'limit=x'])('?%s is refused', async (query) => {
    const { ask } = await openServer();
    const answer = await ask('GET', `?${query}`);
    expect([answer.status, answer.body.error.param]).toEqual([400, 'limit']);
  });

  it('are forgotten by their owner alone; the audit log says who did what, and when', async () => {
    const { db, enrol, ask } = await openServer();
    const { body } = await enrol<Speaker>({ name: 'Ann' });
    const { id } = body;
    expect((await ask('DELETE', `/${id}`, as('key_2'))).body.error.code).toBe('speaker_not_found');
    expect((await ask('DELETE', `/${id}`)).body).toEqual({ id, object: 'speaker', deleted: true });
    expect((await ask('DELETE', `/${id}`)).status).toBe(404);
    expect((await ask('GET', `/${id}`)).status).toBe(404);
    const rows = [];
    for await (const { actor, action, subject } of exportAudit(db)) rows.push([actor, action, subject]);
    expect(rows).toEqual([
      ['key_1', 'speaker.enrol', id],
      ['key_1', 'speaker.delete', id],
    ]);
    expect(await db.selectFrom('speakers').select('id').execute()).toEqual([]);
  });

  it('are for keys that may diarize', async () => {
    const { ask } = await openServer();
    const headers = { scopes: JSON.stringify({ tasks: ['transcription', 'translation'] }) };
    for (const [method, path] of [
      ['POST', ''],
      ['GET', ''],
      ['GET', '/spk_1'],
      ['DELETE', '/spk_1'],
    ] as const) {
      const answer = await ask(method, path, { headers });
      expect([answer.status, answer.body.error.code]).toEqual([403, 'insufficient_scope']);
    }
  });
});
