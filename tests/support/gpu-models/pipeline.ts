/** Takes memory of the one GPU it is shown, as a model on a card would, and gives it back by ending. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PipelineModule } from '../../../backend/src/models/define-model.ts';
import { load as loadEcho } from '../fake-models/echo/pipeline.ts';
import { type GpuScript, SCRIPT } from '../gpu-models.ts';

export const load: PipelineModule<'transcription'>['load'] = async (context) => {
  const { allocations, mib, residueMib = 0, fails }: GpuScript = JSON.parse(readFileSync(context.file(SCRIPT), 'utf8'));
  if (fails !== undefined) throw new Error(fails);
  const uuid = process.env.CUDA_VISIBLE_DEVICES ?? '';
  if (uuid !== '') {
    const allocation = { gpu_uuid: uuid, mib, residue_mib: residueMib };
    writeFileSync(join(allocations, `${process.pid}.json`), JSON.stringify(allocation));
  }
  return loadEcho(context);
};
