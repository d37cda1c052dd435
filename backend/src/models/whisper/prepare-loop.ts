/** The decoder's graph with the loop inside, made once and kept. */
import { deriveGraph, type GraphOnDisk, pathOf, type SourceGraph } from './derived-graph.ts';
import type { WhisperLayout } from './layout.ts';
import { buildLoopGraph } from './loop-graph.ts';
import type { LoopSources } from './loop-sources.ts';
import { int8Names, quantizeDecoder } from './quantize-decoder.ts';
import { shareWeights } from './share-weights.ts';
import { openWeightStore } from './weight-store.ts';

export interface LoopOptions {
  /** `int8`: float32 weights are made 8-bit ones, stored beside the graph. */
  weights: 'as-exported' | 'int8';
}

interface DecoderGraphs {
  prefill: GraphOnDisk;
  step: GraphOnDisk;
}

/** @throws Error with the reason where the graphs cannot be rewritten. */
export async function prepareLoop(
  graphs: DecoderGraphs,
  layout: WhisperLayout,
  derivedFolder: () => Promise<string>,
  { weights }: LoopOptions = { weights: 'as-exported' },
): Promise<string> {
  return deriveGraph(
    {
      name: 'decoder_loop',
      version: 5,
      sources: [graphs.prefill, graphs.step],
      settings: [layout.tokens.eot, layout.tokens.timestampBegin, layout.alignmentHeads, weights],
      build([prefill, step], folder) {
        const sources = {
          prefill: prefill as SourceGraph,
          step: step as SourceGraph,
          shared: shareWeights(weightSource(graphs.prefill), weightSource(graphs.step)),
        };
        return buildLoopGraph(weights === 'int8' ? inInt8(sources, graphs, folder) : sources, layout);
      },
    },
    derivedFolder,
  );
}

function weightSource(graph: GraphOnDisk) {
  return { initializers: graph.file.initializers, pathOf: pathOf.bind(undefined, graph) };
}

/** What both graphs share stays shared. */
function inInt8({ prefill, step, shared }: LoopSources, graphs: DecoderGraphs, folder: string): LoopSources {
  const store = openWeightStore(folder);
  try {
    const first = quantizeDecoder(prefill, { store, pathOf: pathOf.bind(undefined, graphs.prefill) });
    const known = new Set([...shared].filter(([, theirs]) => first.weights.has(theirs)).map(([ours]) => ours));
    const next = quantizeDecoder(step, { store, pathOf: pathOf.bind(undefined, graphs.step), known });
    const alsoShared = [...known].flatMap((ours) => {
      const [own, theirs] = [int8Names(ours), int8Names(shared.get(ours) ?? '')];
      return [[own.values, theirs.values] as const, [own.scales, theirs.scales] as const];
    });
    return { prefill: first.graph, step: next.graph, shared: new Map([...shared, ...alsoShared]) };
  } finally {
    store.close();
  }
}
