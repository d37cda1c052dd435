/** How a request uses its model: on which devices, for how long it shall stay loaded, and what the answer's headers say of queue and device. */
import type { Response } from 'express';
import { keepAlive } from '../../contract/placement.ts';
import { GatewayError } from '../../errors.ts';
import type { ModelUse } from '../../services/model-use.ts';
import { principalOf } from '../request-context.ts';

/** @throws invalid_value, admin_key_required, gpu_not_found */
export function modelUse(
  response: Response,
  { keep_alive: asked, gpu_device_ids: devices }: Readonly<Record<string, unknown>>,
  requireDevice: (name: string, param: string) => { id: string },
): ModelUse {
  const set = (name: string, value: string) => {
    if (!response.headersSent) response.setHeader(name, value);
  };
  return {
    tenant: principalOf(response).id,
    ...keepAliveOf(asked),
    ...devicesOf(response, devices, requireDevice),
    onQueued: ({ position, etaSeconds }) => {
      set('x-queue-position', String(position));
      set('x-queue-eta-seconds', String(Math.ceil(etaSeconds)));
    },
    onPlaced: ({ fallback }) => {
      if (fallback !== undefined) set('x-model-fallback', 'cpu');
    },
  };
}

function keepAliveOf(asked: unknown): Pick<ModelUse, 'keepAliveMs'> {
  if (asked === undefined || asked === '') return {};
  const parsed = keepAlive.safeParse(asked);
  if (!parsed.success) {
    const message = `Invalid value for 'keep_alive': ${parsed.error.issues[0]?.message}.`;
    throw new GatewayError('invalid_value', { message, param: 'keep_alive' });
  }
  return { keepAliveMs: parsed.data < 0 ? Number.POSITIVE_INFINITY : parsed.data * 1000 };
}

/** `1,2` or `["1","GPU-…"]`. Which device does the work is the operator's to say. */
function devicesOf(
  response: Response,
  asked: unknown,
  requireDevice: (name: string, param: string) => { id: string },
): Pick<ModelUse, 'devices'> {
  const given = (Array.isArray(asked) ? asked : [asked]).filter((value) => typeof value === 'string' && value !== '');
  if (given.length === 0) return {};
  if (principalOf(response).role !== 'admin') {
    throw new GatewayError('admin_key_required', {
      message: "'gpu_device_ids' takes an admin key.",
      param: 'gpu_device_ids',
    });
  }
  const names = given.flatMap((value) =>
    String(value)
      .replaceAll(/[[\]"\s]/g, '')
      .split(','),
  );
  return { devices: names.map((name) => requireDevice(name, 'gpu_device_ids').id) };
}
