/** The gateway on a fake DGX, and the two that talk to it: its operator and its callers. */
import { join } from 'node:path';
import { type App, startApp } from '../../../backend/src/app.ts';
import { loadConfig } from '../../../backend/src/config.ts';
import { type AdminModel, adminModelList } from '../../../backend/src/contract/admin.ts';
import type { FakeDgx } from '../../support/fake-dgx.ts';
import { GPU_MODEL_LIST, type GpuModel } from '../../support/gpu-models.ts';
import type { GatewayFolder } from '../bench/gateway-folder.ts';

const ADMIN_KEY = 'agw-admin-of-the-day';
/** Longer than a stopped process is waited for after a SIGTERM, so that both ways are seen. */
const HUNG_SECONDS = 2;

/** In this process: what it does is watched without asking it. */
export async function startGateway({ env }: GatewayFolder, dgx: FakeDgx): Promise<App> {
  const config = loadConfig({
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    ...env,
    ADMIN_API_KEYS: ADMIN_KEY,
    NVIDIA_SMI: dgx.path,
    GPU_POLL_SECONDS: '1',
    WORKER_HUNG_SECONDS: String(HUNG_SECONDS),
    // Any file: the fake's workers open no session.
    CUDA_PROVIDER_LIBRARY: process.execPath,
    SHUTDOWN_GRACE_SECONDS: '1',
  });
  return startApp({ config, modelListUrl: GPU_MODEL_LIST, console: false });
}

export interface Answer {
  status: number;
  /** Of the envelope; undefined for success. */
  code: string | undefined;
}

export type Operator = ReturnType<typeof operatorOf>;

export function operatorOf(url: string, key = ADMIN_KEY) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`, { headers });
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const post = async (model: GpuModel, verb: string, body: object): Promise<Answer> => {
    const path = `${url}/api/admin/models/${encodeURIComponent(model)}/${verb}`;
    const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    return toAnswer(response.status, await response.text());
  };
  return {
    post,
    models: async (): Promise<AdminModel[]> =>
      adminModelList
        .parse(await (await get('/api/admin/models')).json())
        .data.filter(({ id }) => id.startsWith('gpu/')),
    /** Bytes that did not come back, by device. */
    residues: async (): Promise<Map<string, number>> => {
      const lines = (await (await get('/api/admin/audit')).text()).split('\n').filter(Boolean);
      const found = new Map<string, number>();
      for (const line of lines) {
        const { action, subject, size }: { action: string; subject: string; size: number } = JSON.parse(line);
        const device = subject?.split(' ')[1];
        if (action === 'gpu.residue' && device !== undefined) found.set(device, (found.get(device) ?? 0) + size);
      }
      return found;
    },
  };
}

export function toAnswer(status: number, body: string): Answer {
  if (status < 400) return { status, code: undefined };
  try {
    const { error }: { error: { code: string } } = JSON.parse(body);
    return { status, code: error.code };
  } catch {
    return { status, code: `no envelope: ${body.slice(0, 100)}` };
  }
}

export function logOf(folder: GatewayFolder): string {
  return join(folder.dir, 'logs', 'gateway.log');
}
