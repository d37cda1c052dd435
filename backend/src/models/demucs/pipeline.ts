/** Audio file → a file for each stem. */
import type { LoadContext, Pipeline } from '../define-model.ts';
import { type Separator, separateToFiles } from '../separate-to-files.ts';
import type { DemucsSettings } from './definition.ts';
import { htdemucsGraph } from './htdemucs-graph.ts';
import { openGraph } from './open-graph.ts';
import { separate } from './separate.ts';
import { type BagMember, segmentModel } from './stem-model.ts';

export async function load(context: LoadContext): Promise<Pipeline<'separation'>> {
  const { members: listed } = context.model.settings as DemucsSettings;
  const members: BagMember[] = [];
  for (const { file, makes, keeps = makes } of listed) {
    const session = await openGraph(context, context.file(file));
    members.push({ graph: htdemucsGraph(session, makes.length), makes, keeps });
  }
  const separator: Separator = {
    stems: listed.flatMap(({ makes, keeps = makes }) => keeps),
    separate: (track, wanted, options) => separate(track, segmentModel(members, wanted), options),
  };
  return {
    run: (input, params, run) => separateToFiles(separator, input, params, run, context.tools),
    async dispose() {
      for (const { graph } of members) await graph.release();
    },
  };
}
