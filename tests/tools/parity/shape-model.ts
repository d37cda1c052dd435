/** The decoder of a Whisper model of real size, from the files that `writeWhisperShape` wrote. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GraphOnDisk } from '../../../backend/src/models/derived-graph.ts';
import { readOnnxFile } from '../../../backend/src/models/onnx-file.ts';
import { readLayout, type WhisperLayout } from '../../../backend/src/models/whisper/layout.ts';
import { prepareLoop } from '../../../backend/src/models/whisper/prepare-loop.ts';

/** The end of the graphs' names: float32, or float16. */
export type Precision = '' | '_fp16';

export function shapeGraphs(model: string, precision: Precision = ''): { prefill: GraphOnDisk; step: GraphOnDisk } {
  const graph = (name: string) => {
    const path = join(model, 'onnx', `${name}${precision}.onnx`);
    return { path, file: readOnnxFile(path) };
  };
  return { prefill: graph('decoder_model'), step: graph('decoder_with_past_model') };
}

export async function shapeLayout(model: string, prefill: GraphOnDisk): Promise<WhisperLayout> {
  const readJson = async (name: string) => JSON.parse(await readFile(join(model, name), 'utf8'));
  return readLayout(await readJson('config.json'), await readJson('generation_config.json'), prefill.file);
}

/** The loop graph's path, in `derived/` of the model's folder. @throws where it cannot be made. */
export async function shapeLoop(model: string, precision: Precision = ''): Promise<string> {
  const graphs = shapeGraphs(model, precision);
  const { loop } = await prepareLoop(graphs, await shapeLayout(model, graphs.prefill), async () =>
    join(model, 'derived'),
  );
  return loop;
}
