/** How a request uses its model: for how long it shall stay loaded, and what the answer's headers say of queue and device. */
import type { Response } from 'express';
import { keepAlive } from '../../contract/placement.ts';
import { GatewayError } from '../../errors.ts';
import type { ModelUse } from '../../services/transcription.ts';
import { principalOf } from '../request-context.ts';

/** @throws invalid_value */
export function modelUse(response: Response, { keep_alive: asked }: Readonly<Record<string, unknown>>): ModelUse {
  const set = (name: string, value: string) => {
    if (!response.headersSent) response.setHeader(name, value);
  };
  return {
    tenant: principalOf(response).id,
    ...keepAliveOf(asked),
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
