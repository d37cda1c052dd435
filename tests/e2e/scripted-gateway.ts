/** The gateway's own HTTP side over models and checks that the test moves by hand. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AdminModel } from '../../backend/src/contract/admin.ts';
import type { GpuList } from '../../backend/src/contract/gpus.ts';
import type { Health } from '../../backend/src/contract/health.ts';
import { ANONYMOUS, type KeyUsage, type Principal } from '../../backend/src/contract/keys.ts';
import { AdminFeed } from '../../backend/src/http/admin/admin-feed.ts';
import { adminEventsRoute } from '../../backend/src/http/admin/events.ts';
import { adminModelsRoute } from '../../backend/src/http/admin/models.ts';
import { ownKeyRoute } from '../../backend/src/http/keys/own-key.ts';
import { healthRoutes } from '../../backend/src/http/ops/health.ts';
import { createHttpServer } from '../../backend/src/http/server.ts';
import type { Logger } from '../../backend/src/logger.ts';

export const VERSION = '0.1.0-test';

const NO_GPUS: GpuList = {
  object: 'list',
  state: 'unavailable',
  reason: 'there is none in this test',
  rev: 1,
  driver_version: null,
  sampled_at: null,
  warnings: [],
  data: [],
};

const NOTHING = { requests: 0, audio_seconds: 0, reserved_seconds: 0, limit_seconds: null };
const NOTHING_USED: Omit<KeyUsage, 'id'> = {
  object: 'api_key.usage',
  running: 0,
  today: { ...NOTHING, day: '2026-01-01' },
  this_month: { ...NOTHING, month: '2026-01' },
};

export interface ScriptedGateway extends AsyncDisposable {
  url: string;
  adminKey: string;
  userKey: string;
  /** From now on no key opens anything, until `acceptKeys`. */
  revokeKeys(): void;
  acceptKeys(): void;
  /** How many event streams are open. */
  streams(): number;
  /** The `Last-Event-ID` that the newest stream was asked for with. */
  resumedFrom(): string | undefined;
  /** The id of the last event that streams were told. */
  lastEventId(): string;
  checks: Health['checks'];
  change(id: string, fields: Partial<AdminModel>): void;
  /** `restarted`: as after a restart of the process, `rev` counts from 0 again. */
  replaceModels(models: AdminModel[], how?: 'restarted'): void;
  /** Cuts every event stream and answers 503 to new ones, until `openStreams`. */
  blockStreams(): void;
  openStreams(): void;
  /** Nothing listens any more, until `comeBack` on the same port. */
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
}

export async function startScriptedGateway(frontendDist: string, models: AdminModel[]): Promise<ScriptedGateway> {
  const adminKey = 'agw-admin-of-the-page-test';
  const userKey = 'agw-user-of-the-page-test';
  const checks: Health['checks'] = {
    model_cache: { ok: true, reason: null },
    store: { ok: true, reason: null },
    ffmpeg: { ok: true, reason: null },
    preloaded_models: { ok: true, reason: null },
  };
  let current = new Map<string, AdminModel>();
  let rev = 0;
  let revoked = false;
  let blocked = false;
  let lastEventId: string | undefined;

  const feed = new AdminFeed();
  const directory = {
    list: () => [...current.values()],
    get rev() {
      return rev;
    },
  };
  const replaceModels = (list: AdminModel[], how?: 'restarted') => {
    if (how === 'restarted') rev = 0;
    current = new Map(list.map((model) => [model.id, { ...model, rev: ++rev }]));
  };
  const identify = async (key: string): Promise<Principal | undefined> => {
    if (revoked || (key !== adminKey && key !== userKey)) return undefined;
    const role = key === adminKey ? 'admin' : 'user';
    return { ...ANONYMOUS, id: `key_${role}`, role };
  };
  const events = adminEventsRoute({ feed, models: directory, gpus: { current: () => NO_GPUS } });
  const openStreams = new Set<() => void>();

  const createServer = () =>
    createHttpServer({
      version: VERSION,
      log: SILENT,
      auth: {
        tickets: { redeem: async () => undefined },
        keys: { hasUserKeys: async () => true, identify },
        takeRequest: () => Promise.reject(new Error('no key has a limit here')),
        listensOnLoopback: true,
        corsOrigins: [],
      },
      trustProxy: false,
      frontendDist,
      routes: [
        ...healthRoutes({ version: VERSION, checks: async () => checks }),
        adminModelsRoute(directory),
        ownKeyRoute({
          find: async () => undefined,
          readUsage: async (id) => ({ ...NOTHING_USED, id }),
          readRequestRate: () => Promise.reject(new Error('no key has a limit here')),
        }),
        {
          ...events,
          handle: (request, response) => {
            lastEventId = request.get('last-event-id');
            if (blocked) {
              response.status(503).end();
              return;
            }
            const cut = () => response.destroy();
            openStreams.add(cut);
            response.once('close', () => openStreams.delete(cut));
            return events.handle(request, response);
          },
        },
      ],
    });

  replaceModels(models);
  let server = createServer();
  const port = await listen(server, 0);

  return {
    url: `http://127.0.0.1:${port}`,
    adminKey,
    userKey,
    checks,
    replaceModels,
    revokeKeys: () => {
      revoked = true;
    },
    acceptKeys: () => {
      revoked = false;
    },
    streams: () => openStreams.size,
    resumedFrom: () => lastEventId,
    lastEventId: () => String(feed.lastId),
    change: (id, fields) => {
      const model = current.get(id);
      if (model === undefined) throw new Error(`the scripted gateway has no model ${id}`);
      const changed = { ...model, ...fields, rev: ++rev };
      current.set(id, changed);
      feed.publish(id, { type: 'model.state', rev, model: changed });
    },
    blockStreams: () => {
      blocked = true;
      for (const cut of openStreams) cut();
    },
    openStreams: () => {
      blocked = false;
    },
    goDown: () => stop(server),
    comeBack: async () => {
      server = createServer();
      await listen(server, port);
    },
    [Symbol.asyncDispose]: () => stop(server),
  };
}

const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore, child: () => SILENT };

function ignore(): void {}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function stop(server: Server): Promise<void> {
  if (!server.listening) return;
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}
