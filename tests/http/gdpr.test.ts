/** The routes as operators reach them, on jobs in a database. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gdprErasure } from '../../backend/src/contract/gdpr.ts';
import { gdprRoutes } from '../../backend/src/http/admin/gdpr.ts';
import { errorHandler } from '../../backend/src/http/error-handler.ts';
import { requestContext } from '../../backend/src/http/request-context.ts';
import { expressPattern } from '../../backend/src/http/route.ts';
import { Erasure } from '../../backend/src/jobs/erasure.ts';
import { createGdprService } from '../../backend/src/jobs/gdpr.ts';
import { appendAudit, exportAudit } from '../../backend/src/store/audit.ts';
import { ErasureStore } from '../../backend/src/store/erasure.ts';
import { journalPath } from '../../backend/src/store/erasure-journal.ts';
import { createJobFixture, type JobFixture } from '../support/job-fixture.ts';
import { silentLog } from '../support/silent-log.ts';

async function serve({ database, store: jobStore, artifacts, dataDir, workRoot, service }: JobFixture) {
  const { jobs } = await service();
  const store = new ErasureStore(database.db);
  const erasure = new Erasure({ store, jobs, journal: journalPath(dataDir), workRoot, log: silentLog });
  const audit = async (event: Parameters<typeof appendAudit>[1]) => {
    await database.db.transaction().execute((transaction) => appendAudit(transaction, event));
  };
  const gdpr = createGdprService({ erasure, audit, store, jobStore, artifacts });
  const app = express();
  app.use(requestContext(silentLog));
  for (const route of gdprRoutes({ ...gdpr, actorOf: () => 'key_admin' })) {
    app[route.method](expressPattern(route), (request, response) => route.handle(request, response));
  }
  app.use(errorHandler);
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return (what: string, body: unknown) =>
    fetch(`http://127.0.0.1:${port}/api/admin/gdpr/${what}`, { method: 'POST', body: JSON.stringify(body) });
}

describe('POST /api/admin/gdpr', () => {
  it('exports a subject, erases it, and both are in the audit log', async () => {
    const fixture = await createJobFixture();
    const job = await fixture.addJob({ user: 'ann' });
    const post = await serve(fixture);
    const exported = await post('export', { user: 'ann' });
    expect(exported.headers.get('content-type')).toBe('application/jsonl; charset=utf-8');
    const lines = (await exported.text()).trimEnd().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ type: 'end', counts: { job: 1, file: 3 } });

    const erased = await post('erase', { user: 'ann' });
    expect(erased.status).toBe(200);
    const body = gdprErasure.parse(await erased.json());
    expect(body.counts).toMatchObject({ jobs: 1 });
    expect(await fixture.store.find(job.id)).toBeUndefined();
    const audit = [];
    for await (const { actor, action, subject } of exportAudit(fixture.database.db))
      audit.push({ actor, action, subject });
    expect(audit).toEqual([
      { actor: 'key_admin', action: 'gdpr.export', subject: expect.stringMatching(/^export_[0-9a-f]{32}$/) },
      { actor: 'key_admin', action: 'gdpr.erased', subject: body.id },
    ]);
    expect((await post('erase', { user: 'ann' })).status).toBe(200);
  });

  it('refuses what names no subject, or two', async () => {
    const fixture = await createJobFixture();
    const job = await fixture.addJob({ user: 'ann' });
    const post = await serve(fixture);
    for (const body of [{}, { user: '' }, { user: 'ann', key_id: 'key_1' }, { key: 'key_1' }, []]) {
      const response = await post('erase', body);
      expect(response.status, JSON.stringify(body)).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: 'invalid_value' } });
    }
    expect(await fixture.store.find(job.id)).toBeDefined();
  });
});
