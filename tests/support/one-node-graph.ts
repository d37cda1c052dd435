/** An ONNX model of one node, as bytes for `openSession`. */
import {
  ELEMENT,
  type ElementType,
  graphMessage,
  modelMessage,
  nodeMessage,
  valueInfo,
} from '../../backend/src/models/onnx-build.ts';
import { standardNode } from '../../backend/src/models/standard-node.ts';

interface Value {
  type: ElementType;
  /** Strings are dimensions known at run time. */
  shape: readonly (number | string)[];
}

/** `opType(...inputs)` → `y`, float32. Opset 17. */
export function oneNodeGraph(opType: string, inputs: Record<string, Value>, shape: Value['shape']): Uint8Array {
  const graph = graphMessage({
    name: opType,
    nodes: [nodeMessage(standardNode(opType, Object.keys(inputs), 'y'))],
    initializers: [],
    inputs: Object.entries(inputs).map(([name, value]) => valueInfo(name, ELEMENT[value.type], value.shape)),
    outputs: [valueInfo('y', ELEMENT.float32, shape)],
  });
  return modelMessage(graph, 8, new Map([['', 17]]));
}
