/** The decoder's graph with the loop inside, and in 8 bits the graph that goes before it; made once and kept. */

import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deriveGraph, type GraphOnDisk, pathOf, type SourceGraph } from '../derived-graph.ts';
import { buildCrossGraph } from './cross-graph.ts';
import { int8Names } from './int8-columns.ts';
import type { WhisperLayout } from './layout.ts';
import { buildLoopGraph } from './loop-graph.ts';
import type { LoopSources } from './loop-sources.ts';
import { pickPositions } from './pick-positions.ts';
import { quantizeDecoder } from './quantize-decoder.ts';
import { shareWeights } from './share-weights.ts';
import { findCrossAttentions, useStoredCross } from './stored-cross.ts';
import { type WeightStore, withWeightStore } from './weight-store.ts';

export interface LoopOptions {
  /** `int8`: float32 weights are made 8-bit ones, stored beside the graph. */
  weights: 'as-exported' | 'int8';
}

interface DecoderGraphs {
  prefill: GraphOnDisk;
  step: GraphOnDisk;
}

export interface LoopGraphs {
  /** Paths. */
  loop: string;
  /** A window's encoding → keys and values; only where `loop` takes those. */
  cross: string | undefined;
}

const CROSS = 'decoder_cross.onnx';

/** @throws Error with the reason where the graphs cannot be rewritten. */
export async function prepareLoop(
  graphs: DecoderGraphs,
  layout: WhisperLayout,
  derivedFolder: () => Promise<string>,
  { weights }: LoopOptions = { weights: 'as-exported' },
): Promise<LoopGraphs> {
  const loop = await deriveGraph(
    {
      name: 'decoder_loop',
      version: 10,
      sources: [graphs.prefill, graphs.step],
      settings: [layout.tokens.eot, layout.tokens.timestampBegin, layout.alignmentHeads, weights],
      build([prefill, step], folder) {
        const sources = {
          prefill: pickPositions(prefill as SourceGraph),
          step: step as SourceGraph,
          shared: shareWeights(weightSource(graphs.prefill), weightSource(graphs.step)),
          storedCross: false,
        };
        if (weights === 'as-exported') return buildLoopGraph(sources, layout);
        return withWeightStore(folder, (store) => {
          const cross = buildCrossGraph(sources.prefill, layout, {
            store,
            pathOf: pathOf.bind(undefined, graphs.prefill),
          });
          writeFileSync(join(folder, CROSS), cross, { flush: true });
          return buildLoopGraph(inInt8(withStoredCross(sources, layout), graphs, store), layout);
        });
      },
    },
    derivedFolder,
  );
  return { loop, cross: weights === 'int8' ? join(dirname(loop), CROSS) : undefined };
}

function withStoredCross(sources: LoopSources, { layers }: WhisperLayout): LoopSources {
  const [before, after] = [sources.prefill, sources.step].map((graph) => findCrossAttentions(graph, layers));
  if (before?.some(({ keyFactor }, layer) => keyFactor !== after?.[layer]?.keyFactor)) {
    throw new Error('The two graphs scale the keys differently');
  }
  return {
    ...sources,
    prefill: useStoredCross(sources.prefill, layers, { singlePosition: false }),
    step: useStoredCross(sources.step, layers, { singlePosition: true }),
    storedCross: true,
  };
}

function weightSource(graph: GraphOnDisk) {
  return { initializers: graph.file.initializers, pathOf: pathOf.bind(undefined, graph) };
}

/** What both graphs share stays shared. */
function inInt8(
  { prefill, step, shared, storedCross }: LoopSources,
  graphs: DecoderGraphs,
  store: WeightStore,
): LoopSources {
  const first = quantizeDecoder(prefill, {
    store,
    pathOf: pathOf.bind(undefined, graphs.prefill),
    positions: 2,
  });
  const known = new Set([...shared].filter(([, theirs]) => first.weights.has(theirs)).map(([ours]) => ours));
  const next = quantizeDecoder(step, {
    store,
    pathOf: pathOf.bind(undefined, graphs.step),
    known,
    positions: 1,
  });
  const alsoShared = [...known].flatMap((ours) => {
    const [own, theirs] = [int8Names(ours), int8Names(shared.get(ours) ?? '')];
    return [[own.values, theirs.values] as const, [own.scales, theirs.scales] as const];
  });
  return { prefill: first.graph, step: next.graph, shared: new Map([...shared, ...alsoShared]), storedCross };
}
