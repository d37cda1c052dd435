/** A model in another precision, before it is compared in that: loaded where it is, or anywhere. */
import { type AdminModel, adminModel } from '@contract/admin.ts';
import { loadRequest } from '@contract/placement.ts';
import type { QueryClient } from '@tanstack/react-query';
import { api, defineRoute } from '../../api/api.ts';
import { modelsQuery } from '../../api/models.ts';
import { sleep } from '../../lib/sleep.ts';

const postLoad = defineRoute({
  method: 'POST',
  path: '/api/admin/models/{key}/load',
  body: loadRequest,
  answer: adminModel,
});
const LOOK_MS = 1_000;
/** For a model that nobody has placed yet. */
const ANYWHERE = 'cpu';

/** Resolves when it is ready. @throws ApiError when it cannot be loaded there, the model's own reason when it fails. */
export async function loadInPrecision(
  client: QueryClient,
  { id, precision, signal }: { id: string; precision: string; signal: AbortSignal },
): Promise<void> {
  const find = async () => (await client.fetchQuery({ ...modelsQuery, staleTime: 0 })).find((model) => model.id === id);
  const before = await find();
  if (before === undefined || isReadyIn(before, precision)) return;
  const [replica] = before.replicas;
  const devices = before.placement?.devices ?? [replica?.device ?? ANYWHERE];
  await api(postLoad, { params: { key: id }, body: { gpu_device_ids: devices, precision } }, { signal });
  while (!signal.aborted) {
    const now = await find();
    if (now === undefined || isReadyIn(now, precision)) return;
    if (now.status === 'failed') throw new Error(now.reason ?? now.files.reason ?? id);
    await sleep(LOOK_MS, signal);
  }
  signal.throwIfAborted();
}

function isReadyIn({ status, precision: current }: AdminModel, precision: string): boolean {
  return status === 'ready' && current === precision;
}
