/** Repositories with an MDX-Net graph that an operator adds. Its `dim_f` and segment follow from the graph when it is loaded. */
import { basename } from 'node:path';
import { z } from 'zod';
import { GatewayError } from '../../errors.ts';
import type { Registrar } from '../define-model.ts';
import { commonSettings, estimateBytes, readSettings, requireFiles } from '../registration.ts';
import { mdx } from './definition.ts';
import { MDX_MODELS } from './mdx-graph.ts';

const given = z.strictObject({
  ...commonSettings,
  graph: z.string().optional(),
  /** What the graph does not tell; known of published ones by the file's name. */
  n_fft: z.int().min(2048).max(32_768).multipleOf(2).optional(),
  compensate: z.number().min(0.5).max(2).optional(),
  /** The predicted stem, and the name of the rest. */
  stems: z.tuple([z.enum(['vocals', 'instrumental']), z.enum(['vocals', 'instrumental'])]).optional(),
});

const completed = given.required({ graph: true, n_fft: true, compensate: true, stems: true, estimate_bytes: true });

export const complete: Registrar['complete'] = (registration, listed) => {
  const settings = readSettings(registration, given);
  const files = new Map(listed.map(({ path, size }) => [path, size]));
  const graphs = [...files.keys()].filter((path) => path.endsWith('.onnx'));
  const known = graphs.filter((path) => nameOf(path) in MDX_MODELS);
  const [only, ...others] = known.length > 0 ? known : graphs;
  if (settings.graph === undefined && others.length > 0) {
    throw new GatewayError('invalid_value', {
      message: `Invalid value for 'settings.graph': the repository has several graphs, say which: ${graphs.join(', ')}.`,
      param: 'settings.graph',
    });
  }
  const graph = settings.graph ?? only ?? 'model.onnx';
  requireFiles(registration, files, [graph]);
  const table = MDX_MODELS[nameOf(graph)];
  const n_fft = settings.n_fft ?? table?.fft;
  const stems = settings.stems ?? table?.stems;
  if (n_fft === undefined) throw unknown('n_fft', graph);
  if (stems === undefined) throw unknown('stems', graph);
  if (stems[0] === stems[1]) {
    throw new GatewayError('invalid_value', {
      message: "Invalid value for 'settings.stems': the predicted stem and the rest are one.",
      param: 'settings.stems',
    });
  }
  return {
    ...settings,
    graph,
    n_fft,
    stems: [...stems],
    compensate: settings.compensate ?? table?.compensate ?? 1,
    estimate_bytes: settings.estimate_bytes ?? estimateBytes(files, [graph]),
  };
};

export const define: Registrar['define'] = (registration) => {
  const { id, repo, revision } = registration;
  const { license, graph, n_fft, compensate, stems, estimate_bytes } = readSettings(registration, completed);
  return mdx({
    id,
    repo,
    revision,
    license,
    estimateBytes: estimate_bytes,
    settings: { file: graph, fft: n_fft, compensate, stems },
  });
};

function nameOf(path: string): string {
  return basename(path, '.onnx');
}

function unknown(setting: string, graph: string): GatewayError {
  return new GatewayError('invalid_value', {
    message: `Invalid value for 'settings.${setting}': it is needed for ${graph}, which is none of ${Object.keys(MDX_MODELS).join(', ')}.`,
    param: `settings.${setting}`,
  });
}
