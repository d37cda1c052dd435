import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { GatewayError } from '../../backend/src/errors.ts';
import { downloadSnapshot } from '../../backend/src/hub/download.ts';
import { createHubFetch } from '../../backend/src/hub/hub-fetch.ts';
import { listen, portOf, stop } from '../support/fake-hub/listening.ts';
import { STORAGE_SIGNATURE } from '../support/fake-hub.ts';
import { FILES, hubFixture, REPO } from '../support/hub-fixture.ts';

const TOKEN = 'hf_very_secret';
const signal = new AbortController().signal;

test('the token goes to the hub with every request, and never to the storage', async () => {
  const { hub, options } = await hubFixture({ repos: { [REPO]: FILES }, resolveCache: true, pageSize: 2 });
  await downloadSnapshot(options({ token: TOKEN }));
  const byOrigin = Map.groupBy(hub.requests, (request) => request.origin);
  expect(byOrigin.get('hub')?.map((request) => request.authorization)).not.toContain(false);
  expect(byOrigin.get('storage')?.map((request) => request.authorization)).toEqual([false]);
  expect(hub.requests.some((request) => request.path.startsWith('/api/resolve-cache/'))).toBe(true);
});

test('without a token none is sent', async () => {
  const { hub, options } = await hubFixture();
  await downloadSnapshot(options());
  expect(hub.requests.map((request) => request.authorization)).not.toContain(true);
});

test('a request that has left the hub does not get the token back when it is sent home', async () => {
  const { hub, options } = await hubFixture();
  const bounce = createServer((_, response) => {
    response.writeHead(302, { location: `${hub.url}/${REPO}/resolve/main/a/b/vocab.txt` }).end();
  });
  await listen(bounce, '127.0.0.1');
  onTestFinished(() => stop(bounce));
  const location = `http://127.0.0.1:${portOf(bounce)}/`;
  hub.faults.add({ kind: 'redirect', location }, { file: 'a/b/vocab.txt', times: 1 });
  await downloadSnapshot(options({ token: TOKEN, files: ['a/b/vocab.txt'] }));
  const requests = hub.requests.filter((request) => request.file === 'a/b/vocab.txt');
  expect(requests.map((request) => request.authorization)).toEqual([true, false]);
});

test('an API redirected elsewhere does not get the token', async () => {
  const { hub, options } = await hubFixture();
  hub.faults.add({ kind: 'redirect', location: `${hub.cdnUrl}/api/models` }, { stage: 'api', times: 1 });
  await expect(downloadSnapshot(options({ token: TOKEN, retry: { attempts: 1 } }))).rejects.toThrow(GatewayError);
  expect(hub.requests.filter((request) => request.origin === 'storage').map((one) => one.authorization)).toEqual([
    false,
  ]);
});

test('redirects without end are refused', async () => {
  const { hub, options } = await hubFixture();
  hub.faults.add({ kind: 'redirect', location: `/${REPO}/resolve/main/config.json` });
  await expect(downloadSnapshot(options())).rejects.toMatchObject({
    code: 'hub_unreachable',
    message: expect.stringContaining('more than 5'),
  });
});

test.each(['http://hub.test/x', 'file:///etc/passwd', 'data:,x'])('an https hub may not redirect to %s', async (to) => {
  const asked: string[] = [];
  const hubFetch = createHubFetch({
    endpoint: 'https://hub.test',
    token: TOKEN,
    fetch: async (url) => {
      asked.push(String(url));
      return new Response(null, { status: 302, headers: { location: to } });
    },
  });
  const refused = hubFetch('https://hub.test/file', { signal });
  await expect(refused).rejects.toMatchObject({ code: 'hub_unreachable' });
  await expect(refused).rejects.not.toThrow(/passwd|secret/);
  expect(asked).toEqual(['https://hub.test/file']);
});

test.each([401, 403] as const)(
  'a gated repository (%i): the message names it and the page of its licence',
  async (status) => {
    const { hub, options } = await hubFixture();
    hub.faults.add({ kind: 'gated', status, token: TOKEN });
    for (const token of [undefined, 'hf_of_somebody_else']) {
      const refused = downloadSnapshot(options({ token }));
      await expect(refused).rejects.toMatchObject({ code: 'hub_access_denied' });
      await expect(refused).rejects.toThrow(`"${REPO}". If it is gated, accept its licence at ${hub.url}/${REPO};`);
    }
    const { dir } = await downloadSnapshot(options({ token: TOKEN }));
    expect(await readFile(join(dir, 'config.json'), 'utf8')).toBe(FILES['config.json']);
  },
);

test.each([
  [
    'an unknown repository, asked for with a token',
    { repo: 'acme/none', token: TOKEN },
    'hub_not_found',
    /"acme\/none"/,
  ],
  ['an unknown repository, asked for by a stranger', { repo: 'acme/none' }, 'hub_access_denied', /does not exist/],
  ['an unknown branch', { revision: 'v9' }, 'hub_not_found', /revision "v9" of "acme\/voice"/],
  ['an unknown commit', { revision: 'c'.repeat(40) }, 'hub_not_found', /revision "c{40}"/],
  [
    'missing files',
    { files: ['config.json', 'x.bin', 'y.bin'] },
    'hub_not_found',
    /no "x\.bin", "y\.bin" in "acme\/voice" at revision "main"/,
  ],
  ['a folder named as a file', { files: ['onnx'] }, 'hub_not_found', /"onnx"/],
  ['an endpoint that is no hub', { endpoint: 'http://127.0.0.1:9' }, 'hub_unreachable', /connection failed/],
  ['an endpoint that is no address', { endpoint: 'hub' }, 'invalid_value', /endpoint/],
  ['an endpoint with a password', { endpoint: 'https://me:very_secret@hub.test' }, 'invalid_value', /endpoint/],
  ['a token that cannot be sent', { token: 'hf_very_secret\nx' }, 'invalid_value', /token/],
] as const)('%s', async (_, overrides, code, message) => {
  const { options } = await hubFixture();
  const refused = downloadSnapshot(options(overrides));
  await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  await expect(refused).rejects.not.toThrow('very_secret');
});

test('an endpoint below a path, and one that ends in a slash', async () => {
  const { hub, options } = await hubFixture();
  const proxy = createServer(async (request, response) => {
    const answer = await fetch(`${hub.url}${request.url?.replace('/mirror', '')}`);
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  await listen(proxy, '127.0.0.1');
  onTestFinished(() => stop(proxy));
  const endpoint = `http://127.0.0.1:${portOf(proxy)}/mirror/`;
  await downloadSnapshot(options({ endpoint, files: ['config.json'] }));
  await downloadSnapshot(options({ endpoint: `${hub.url}/` }));
});

test('a page of something else where the API should be', async () => {
  const { options } = await hubFixture();
  const portal = createServer((_, response) => response.end('<html>Welcome to our Wi-Fi'));
  await listen(portal, '127.0.0.1');
  onTestFinished(() => stop(portal));
  await expect(downloadSnapshot(options({ endpoint: `http://127.0.0.1:${portOf(portal)}` }))).rejects.toMatchObject({
    code: 'hub_unreachable',
    message: expect.stringContaining('did not answer as a model hub'),
  });
});

test.each([
  ['a name as hash', { oid: '../../x', size: 3 }],
  ['no hash', { size: 3 }],
  ['a size that is none', { oid: 'a'.repeat(40), size: -1 }],
])('a listing with %s is refused', async (_, item) => {
  const { options } = await hubFixture();
  const hub = createServer((request, response) => {
    const listing = [{ type: 'file', path: 'config.json', ...item }];
    const info = { sha: 'd'.repeat(40), id: REPO, lastModified: 0 };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(request.url?.includes('/tree/') ? listing : info));
  });
  await listen(hub, '127.0.0.1');
  onTestFinished(() => stop(hub));
  const endpoint = `http://127.0.0.1:${portOf(hub)}`;
  await expect(downloadSnapshot(options({ endpoint, files: ['config.json'] }))).rejects.toMatchObject({
    code: 'hub_integrity',
  });
});

test('neither errors nor log lines hold the token or a signed address', async () => {
  const { hub, options } = await hubFixture();
  const said: unknown[] = [];
  hub.faults.add({ kind: 'cut', at: 1000 }, { times: 2 });
  hub.faults.add({ kind: 'drop' }, { stage: 'body', times: 1 });
  hub.faults.add({ kind: 'corrupt', at: 5 });
  const failure = await downloadSnapshot(
    options({ token: TOKEN, log: (message, fields) => said.push(message, fields) }),
  ).catch((error: unknown) => error);
  for (let error = failure; error instanceof Error; error = error.cause) {
    said.push(error.message, error.stack, { ...error });
  }
  expect(said.length).toBeGreaterThan(8);
  expect(JSON.stringify(said)).not.toContain(TOKEN);
  expect(JSON.stringify(said)).not.toContain(STORAGE_SIGNATURE);
});
