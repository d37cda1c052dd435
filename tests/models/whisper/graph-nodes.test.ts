import { describe, expect, it } from 'vitest';
import type { GraphNode } from '../../../backend/src/models/onnx-file.ts';
import { sortNodes } from '../../../backend/src/models/sort-nodes.ts';
import { hoistInvariant } from '../../../backend/src/models/whisper/hoist-invariant.ts';

/** `Add a b -> c` */
function nodes(...lines: string[]): GraphNode[] {
  return lines.map((line) => {
    const [opType = '', ...words] = line.split(' ');
    const arrow = words.indexOf('->');
    const outputs = words.slice(arrow + 1);
    return { opType, domain: '', name: line, inputs: words.slice(0, arrow), outputs, attributes: [] };
  });
}

const names = (made: GraphNode[]) => made.map(({ name }) => name);

describe('sorting nodes', () => {
  it('puts a cast that stands last before what reads it, and leaves the rest in order', () => {
    const sorted = sortNodes(nodes('Shape cast -> s', 'Add input input -> a', 'Mul s a -> m', 'Cast input -> cast'));
    expect(names(sorted)).toEqual(['Cast input -> cast', 'Shape cast -> s', 'Add input input -> a', 'Mul s a -> m']);
  });

  it('refuses a cycle', () => {
    expect(() => sortNodes(nodes('Add x y -> z', 'Add z z -> y'))).toThrow(/cycle/);
  });
});

describe('what a loop need not compute again', () => {
  const hoist = (lines: string[]) => {
    const { before, body } = hoistInvariant(
      nodes(...lines),
      (value) => value.startsWith('encoder'),
      (value) => value.startsWith('constant'),
    );
    return { before: names(before), body: names(body) };
  };

  it('goes before it, with the constants it reads', () => {
    const key = ['Transpose encoder_key -> t', 'Constant -> scale', 'Mul t scale -> k'];
    const query = ['Mul token constant_weight -> q', 'MatMul q k -> scores'];
    expect(hoist([...key, ...query])).toEqual({ before: key, body: query });
  });

  it('stays when it depends on the token, or on constants alone', () => {
    const lines = [
      'Constant -> c',
      'Add c constant -> d',
      'Add encoder_key token -> e',
      'RandomUniformLike encoder_key -> r',
    ];
    expect(hoist(lines)).toEqual({ before: [], body: lines });
  });
});
