import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogger, redact } from '../backend/src/logger.ts';
import { tempDir } from './support/temp-dir.ts';

describe('logger', () => {
  it('writes JSON lines with the fields of its parents', async () => {
    const dir = await tempDir();
    const log = createLogger({ level: 'info', dir, fileName: 'a.log', secrets: [], console: false });
    log.child({ request_id: 'req_1' }).child({ model: 'm' }).info('request', { status: 200 });
    log.debug('not at this level');
    await log.close();
    const lines = (await readFile(join(dir, 'a.log'), 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      message: 'request',
      request_id: 'req_1',
      model: 'm',
      status: 200,
    });
  });

  it('drops what is said after its end', async () => {
    const dir = await tempDir();
    const log = createLogger({ level: 'info', dir, fileName: 'a.log', secrets: [], console: false });
    log.info('before');
    const child = log.child({ late: true });
    await log.close();
    child.warn('after');
    await new Promise((resolve) => setImmediate(resolve));
    expect((await readFile(join(dir, 'a.log'), 'utf8')).trim().split('\n')).toHaveLength(1);
  });

  it('lets no secret through, wherever it hides', () => {
    const value = {
      message: 'key my-own-secret failed',
      headers: { authorization: 'Bearer abc', 'x-api-key': 'abc', accept: '*/*' },
      hub_token: 'abc',
      nested: [{ url: 'http://h/?t=hf_abcdefghij' }, new Error('Bearer sk-abcdefghijkl was refused')],
      secrets: ['whsec_ab+d/fghijklmnopqr=='],
      tokens: [1, 2],
    };
    const text = JSON.stringify(redact(value, ['my-own-secret']));
    expect(text).not.toMatch(/my-own-secret|"abc"|hf_abc|sk-abc|ab\+d|nopqr/);
    expect(text).toContain('"tokens":[1,2]');
    expect(text).toContain('"accept":"*/*"');
  });
});
