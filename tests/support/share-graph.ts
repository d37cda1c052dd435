/** A graph of HTDemucs' form whose stems are shares of what it hears: what a separation must give back is known at every sample. */
import { ELEMENT, graphMessage, graphWriter, modelMessage, valueInfo } from '../../backend/src/models/onnx-build.ts';

/** `mix` [1, 2, size] → `stems` [1, shares, 2, size]. */
export function shareGraph(shares: readonly number[], size: number): Uint8Array {
  const writer = graphWriter('shares');
  const parts = shares.map((share) => {
    const scaled = writer.op('Mul', ['mix', writer.float32(share)]);
    return writer.op('Unsqueeze', [scaled, writer.int64([1], [1])]);
  });
  writer.op('Concat', parts, { axis: 1 }, 'stems');
  const graph = graphMessage({
    name: 'shares',
    nodes: writer.nodes,
    initializers: writer.initializers,
    inputs: [valueInfo('mix', ELEMENT.float32, [1, 2, size])],
    outputs: [valueInfo('stems', ELEMENT.float32, [1, shares.length, 2, size])],
  });
  return modelMessage(graph, 8, new Map([['', 17]]));
}
