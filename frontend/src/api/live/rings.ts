/** What arrives too often for React: kept outside it, drawn by whoever looks. */
import type { GpuList } from '@contract/gpus.ts';
import { Ring } from './ring.ts';

/** One a second: the hour that charts show. */
export const gpuSamples = new Ring<GpuList>(3_600);
