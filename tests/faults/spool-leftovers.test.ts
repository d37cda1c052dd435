import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { putEchoSnapshot } from '../support/echo-snapshot.ts';
import { startGateway } from '../support/gateway-process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

const HEAD =
  '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nfake/echo\r\n' +
  '--b\r\ncontent-disposition: form-data; name="prompt"\r\n\r\nfile:5\r\n' +
  '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nhello ';
const TAIL = 'world\r\n--b--\r\n';

/** An upload of which all but the end is sent. */
function beginUpload(url: string) {
  const upload = request(`${url}/v1/audio/transcriptions`, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'multipart/form-data; boundary=b', 'content-length': HEAD.length + TAIL.length },
  });
  upload.on('error', () => {});
  upload.write(HEAD);
  return {
    finish: async () => {
      upload.end(TAIL);
      const [response]: IncomingMessage[] = await once(upload, 'response');
      return response === undefined ? undefined : { status: response.statusCode, body: await text(response) };
    },
  };
}

it('a start removes what a killed gateway was receiving, and leaves a living one in the same folder alone', async () => {
  const dir = await tempDir();
  await putEchoSnapshot(join(dir, 'models'));
  const uploads = async () => {
    const names = await readdir(join(dir, 'data/uploads'), { recursive: true });
    return names.filter((name) => name.endsWith('/audio-0'));
  };
  const killed = await startGateway({ dir });
  const living = await startGateway({ dir });
  for (let upload = 0; upload < 3; upload += 1) beginUpload(killed.url);
  await waitUntil('three uploads are on disk', async () => (await uploads()).length === 3);
  const abandoned = await uploads();
  const own = beginUpload(living.url);
  await waitUntil('so is the fourth', async () => (await uploads()).length === 4);
  const kept = (await uploads()).filter((path) => !abandoned.includes(path));

  killed.signal('SIGKILL');
  await killed.ended;
  expect((await uploads()).length).toBe(4);
  const next = await startGateway({ dir });
  expect(await uploads()).toEqual(kept);
  expect(await own.finish()).toMatchObject({ status: 200, body: expect.stringContaining('hello') });

  for (const gateway of [living, next]) {
    gateway.signal('SIGTERM');
    expect(await gateway.ended).toMatchObject({ code: 0 });
  }
  const left = await readdir(join(dir, 'data/uploads'));
  expect(left.filter((name) => name !== '.opening')).toEqual([]);
});
