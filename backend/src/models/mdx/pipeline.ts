/** Audio file → vocals and the rest. */
import type { LoadContext, Pipeline } from '../define-model.ts';
import { type Separator, separateToFiles } from '../separate-to-files.ts';
import type { MdxFileSettings } from './definition.ts';
import { mdxGraph } from './mdx-graph.ts';
import { separateInTwo } from './separate.ts';

export async function load(context: LoadContext): Promise<Pipeline<'separation'>> {
  const { file, fft, compensate, stems } = context.model.settings as MdxFileSettings;
  const graph = mdxGraph(await context.openSession(context.file(file)), { fft });
  const model = { size: graph.size, fft, compensate, run: graph.run };
  const separator: Separator = {
    stems,
    // Both come together, whichever is wanted; it has no shifts.
    async *separate(track, wanted, { part, signal, onSegment }) {
      const numbers = wanted.map((stem) => stems.indexOf(stem));
      for await (const pair of separateInTwo(track, model, { part, signal, onSegment })) {
        yield numbers.map((number) => pair[number] ?? new Float32Array());
      }
    },
  };
  return {
    run: (input, params, run) => separateToFiles(separator, input, params, run, context.tools),
    dispose: () => graph.release(),
  };
}
