/** Element types of a node's outputs, from those of its inputs. */
import { type StructureNode, typeNamed } from './graph-structure.ts';

const CONDITIONS = ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'And', 'Or', 'Not', 'IsNaN'];
const COUNTS = ['Shape', 'Size', 'ArgMax', 'NonZero'];

/** `inputs`: their types. Operators that make a type of their own are listed, all others keep their first input's. */
export function outputTypes(
  { opType, integers, value, graphs, outputs }: StructureNode,
  inputs: readonly string[],
): string[] {
  const all = (type: string | undefined) => outputs.map(() => type ?? 'unknown');
  if (CONDITIONS.includes(opType)) return all('bool');
  if (COUNTS.includes(opType)) return all('int64');
  switch (opType) {
    case 'Cast':
      return all(typeNamed(integers.get('to')));
    case 'Constant':
      return all(value?.type);
    case 'ConstantOfShape':
      return all(value?.type ?? 'float32');
    case 'Where':
      return all(inputs[1]);
    case 'If':
      return outputs.map((_, at) => graphs.get('then_branch')?.outputs[at]?.type ?? 'unknown');
    case 'Loop':
      // The body's first output is the condition.
      return outputs.map((_, at) => graphs.get('body')?.outputs[at + 1]?.type ?? 'unknown');
    default:
      return all(inputs[0]);
  }
}
