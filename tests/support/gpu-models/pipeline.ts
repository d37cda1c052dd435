/**
 * Takes memory of the one GPU it is shown, as a model on a card would, and gives it back by ending. Of the orders, `oom`
 * alone is its own: the card's memory does not suffice for the request.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '../../../backend/src/errors.ts';
import type { PipelineModule } from '../../../backend/src/models/define-model.ts';
import { load as loadEcho } from '../fake-models/echo/pipeline.ts';
import { type GpuScript, SCRIPT } from '../gpu-models.ts';

export const load: PipelineModule<'transcription'>['load'] = async (context) => {
  const {
    allocations,
    mib,
    residueMib = 0,
    warmsUpMs = 0,
    fails,
  }: GpuScript = JSON.parse(readFileSync(context.file(SCRIPT), 'utf8'));
  if (fails !== undefined) throw new Error(fails);
  const uuid = process.env.CUDA_VISIBLE_DEVICES ?? '';
  if (uuid !== '') {
    const allocation = { gpu_uuid: uuid, mib, residue_mib: residueMib };
    writeFileSync(join(allocations, `${process.pid}.json`), JSON.stringify(allocation));
  }
  await sleep(warmsUpMs);
  const echo = await loadEcho(context);
  return {
    ...echo,
    run: async (input, params, runContext) => {
      if (params.prompt !== 'oom') return echo.run(input, params, runContext);
      throw new GatewayError('out_of_memory', { message: 'The GPU has not enough memory for this request.' });
    },
  };
};
