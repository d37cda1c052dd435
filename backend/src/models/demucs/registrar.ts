/** Repositories with one HTDemucs graph that an operator adds. */
import { z } from 'zod';
import type { Registrar } from '../define-model.ts';
import { commonSettings, estimateBytes, readSettings, requireFiles } from '../registration.ts';
import { demucs } from './definition.ts';

const given = z.strictObject({
  ...commonSettings,
  graph: z.string().optional(),
  /** In the order of the graph's output. */
  stems: z.array(z.string().min(1)).min(1).default(['drums', 'bass', 'other', 'vocals']),
});

const completed = given.required({ graph: true, estimate_bytes: true });

export const complete: Registrar['complete'] = (registration, listed) => {
  const settings = readSettings(registration, given);
  const files = new Map(listed.map(({ path, size }) => [path, size]));
  const graphs = [...files.keys()].filter((path) => path.endsWith('.onnx'));
  const graph = settings.graph ?? (graphs.length === 1 ? graphs[0] : undefined) ?? 'htdemucs.onnx';
  requireFiles(registration, files, [graph]);
  return { ...settings, graph, estimate_bytes: settings.estimate_bytes ?? estimateBytes(files, [graph]) };
};

export const define: Registrar['define'] = (registration) => {
  const { id, repo, revision } = registration;
  const { license, graph, stems, estimate_bytes } = readSettings(registration, completed);
  return demucs({
    id,
    repo,
    revision,
    license,
    estimateBytes: estimate_bytes,
    settings: { members: [{ file: graph, makes: stems }] },
  });
};
