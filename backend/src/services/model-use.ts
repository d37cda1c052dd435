/** Whose request it is, and what becomes of the model behind it. */
import type { RegistryRequest } from '../registry/registry-request.ts';

export type ModelUse = Pick<
  RegistryRequest<'transcription'>,
  'tenant' | 'priority' | 'audioSeconds' | 'keepAliveMs' | 'devices' | 'onQueued' | 'onPlaced'
>;
