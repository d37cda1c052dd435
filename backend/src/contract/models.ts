import { z } from 'zod';
import { adminModelStatus, downloadBytes, loadSeconds } from './admin.ts';

/** OpenAI's `Model`, with `status`, `task`, and what it takes until it answers beside it. */
export const model = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int().meta({ description: 'Unix seconds the model was published' }),
    owned_by: z.string(),
    status: adminModelStatus,
    task: z.string(),
    load_seconds: loadSeconds,
    download_bytes: downloadBytes,
    languages: z.array(z.string()),
    bundled: z.boolean().meta({ description: 'It ships with the gateway, for a first try' }),
  })
  .meta({ id: 'Model' });
export type Model = z.infer<typeof model>;

/** `/v1/models/{model}`. */
export const modelPath = z.object({ model: z.string().meta({ description: 'Id or alias; may contain `/`' }) });

export const modelList = z
  .object({ object: z.literal('list'), data: z.array(model) })
  .meta({ id: 'ListModelsResponse' });
