/** Models that cannot be loaded, or not yet, beside the project's own and the echo model; all take the latter's one file. */
import { existsSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  defineModel,
  type Family,
  type ModelDefinition,
  type PipelineModule,
} from '../../backend/src/models/define-model.ts';
import echo from './fake-models/echo/definition.ts';
import { load as loadEcho } from './fake-models/echo/pipeline.ts';
import { families as others } from './fake-models/index.ts';
import { waitUntil } from './wait-until.ts';

type Load = PipelineModule<'transcription'>['load'];

export const FAULTY_MODEL_LIST = import.meta.url;
/** In the model's derived folder: one line per attempt to load it. */
export const LOADS_FILE = 'loads.txt';
const GRAPH = fileURLToPath(new URL('../../starter-models/starter-vad/onnx/model.onnx', import.meta.url));
/** There too: `fake/held` is loaded once this file exists. */
export const GO_FILE = 'go';

function faulty(id: string, load: Load): Family {
  const models = echo.models.map((model): ModelDefinition => ({ ...model, id }));
  return defineModel({ family: id, task: 'transcription', models, pipeline: async () => ({ load }) });
}

export const families: readonly Family[] = [
  ...others,
  faulty('fake/broken', async ({ derivedFolder }) => {
    await appendFile(join(await derivedFolder(), LOADS_FILE), 'load\n');
    throw new Error('the graph has no input named "audio"');
  }),
  faulty('fake/dies-loading', async () => {
    process.stderr.write('last words of the worker\n');
    process.exit(3);
  }),
  faulty('fake/two-places', async ({ derivedFolder, openSession }) => {
    await openSession(GRAPH, { onCpu: true });
    await appendFile(join(await derivedFolder(), LOADS_FILE), 'on the CPU\n');
    await openSession(GRAPH);
    throw new Error('this machine has a GPU');
  }),
  faulty('fake/held', async (context) => {
    const go = join(await context.derivedFolder(), GO_FILE);
    await waitUntil('the test lets the model load', () => existsSync(go));
    return await loadEcho(context);
  }),
];
