/** An operator's orders, in the words of the API, to the registry. */
import type { AdminModel } from '../contract/admin.ts';
import type { LoadRequest, PlacementPlan } from '../contract/placement.ts';
import { GatewayError } from '../errors.ts';
import type { Devices } from '../registry/devices.ts';
import type { ModelRegistry } from '../registry/registry.ts';
import type { LoadOrder } from '../registry/registry-request.ts';

export function createPlacement(registry: ModelRegistry, devices: Devices) {
  function orderOf(request: Omit<LoadRequest, 'plan_rev'>): LoadOrder {
    const wished = request.gpu_device_ids.map((id) => devices.require(id, 'gpu_device_ids'));
    const twice = wished.find(({ id }, index) => wished.findIndex((other) => other.id === id) !== index);
    if (twice !== undefined) {
      throw new GatewayError('invalid_value', { message: `${twice.label} is named twice.`, param: 'gpu_device_ids' });
    }
    return {
      devices: wished,
      replicasPerDevice: request.replicas_per_gpu,
      precision: request.precision,
      keepAliveSeconds: request.keep_alive,
      maxBatch: request.max_batch,
    };
  }

  return {
    describe: (model: string) => registry.describe(model),
    /** @throws model_not_found, gpu_not_found, invalid_value */
    async plan(model: string, request: Omit<LoadRequest, 'plan_rev'>): Promise<PlacementPlan> {
      await devices.refresh();
      const plan = registry.plan(model, orderOf(request));
      const rev = registry.placementRev;
      if (plan.ok) {
        const placements = plan.placements.map(({ device, count, evictions, freeBytesAfter }) => {
          return { device, replicas: count, evictions, free_bytes_after: freeBytesAfter };
        });
        return { object: 'placement.plan', rev, possible: true, placements, refusals: [] };
      }
      const refusals = plan.refusals.map(({ code, message, device, neededBytes, freeBytes, holders }) => {
        return { code, message, device, needed_bytes: neededBytes, free_bytes: freeBytes, holders };
      });
      return { object: 'placement.plan', rev, possible: false, placements: [], refusals };
    },
    /** @throws stale_plan, and as `plan`; insufficient_memory, device_unavailable */
    async load(model: string, { plan_rev: planRev, ...request }: LoadRequest): Promise<AdminModel> {
      const now = registry.placementRev;
      if (planRev !== undefined && planRev !== now) {
        throw new GatewayError('stale_plan', {
          message: `GPUs, replicas or wishes have changed since this plan (rev ${planRev}, now ${now}). Plan again.`,
          param: 'plan_rev',
        });
      }
      return registry.load(model, orderOf(request));
    },
    unload: (model: string, options: { force: boolean }) => registry.unload(model, options),
    async reload(model: string): Promise<AdminModel> {
      const served = registry.require(model);
      await served.reload();
      return served.describe();
    },
    /** @throws model_not_found, replica_not_found */
    async restart(model: string, replica: string): Promise<AdminModel> {
      const served = registry.require(model);
      await served.restart(replica);
      return served.describe();
    },
  };
}
