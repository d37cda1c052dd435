/** The encoder's graph with its attention in one node a layer, and its weights in 8 bits if asked for; made once and kept. */
import { deriveGraph, type GraphOnDisk, pathOf, type SourceGraph } from '../derived-graph.ts';
import { graphMessage, MICROSOFT, modelMessage, nodeMessage, tensorMessage, valueInfo } from '../onnx-build.ts';
import { pruneGraph } from '../prune-graph.ts';
import { fuseAttention } from './fuse-attention.ts';
import { elementOf, holdsGraph } from './loop-sources.ts';
import { quantizeEncoder } from './quantize-encoder.ts';
import { withWeightStore } from './weight-store.ts';

export interface EncoderOptions {
  /** Of each attention. */
  heads: number;
  /** `int8`: float32 weights are made 8-bit ones, stored beside the graph. */
  weights: 'as-exported' | 'int8';
}

/** @throws Error with the reason where the graph cannot be rewritten. */
export function prepareEncoder(
  encoder: GraphOnDisk,
  { heads, weights }: EncoderOptions,
  derivedFolder: () => Promise<string>,
): Promise<string> {
  return deriveGraph(
    {
      name: 'encoder_fused',
      version: 3,
      sources: [encoder],
      settings: [heads, weights],
      build([source], folder) {
        const graph = fused(source as SourceGraph, heads);
        return write(weights === 'int8' ? inInt8(graph, encoder, folder) : graph);
      },
    },
    derivedFolder,
  );
}

function fused(source: SourceGraph, heads: number): SourceGraph {
  if (source.hasFunctions || source.nodes.some(holdsGraph)) throw new Error('The graph has functions or branches');
  const attention = fuseAttention(source, heads);
  if (attention.fused === 0) throw new Error('The graph has no attention of a known form');
  return pruneGraph({ ...source, nodes: attention.nodes, opsets: new Map([...source.opsets, [MICROSOFT, 1]]) });
}

function inInt8(graph: SourceGraph, encoder: GraphOnDisk, folder: string): SourceGraph {
  return withWeightStore(folder, (store) => quantizeEncoder(graph, { store, pathOf: pathOf.bind(undefined, encoder) }));
}

function write(graph: SourceGraph): Uint8Array {
  const info = ({ name, type, shape }: SourceGraph['inputs'][number]) => valueInfo(name, elementOf(type), shape);
  const message = graphMessage({
    name: 'whisper_encoder',
    nodes: graph.nodes.map(nodeMessage),
    initializers: graph.initializers.map((tensor) => tensorMessage(tensor, tensor.name, graph.fileOf)),
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(info),
  });
  return modelMessage(message, graph.irVersion, graph.opsets);
}
