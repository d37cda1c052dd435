/** The clustering of pyannote's 3.1 pipeline against its steps run with SciPy 1.17. */
import { expect, it } from 'vitest';
import { clusterByCentroid } from '../../../backend/src/models/pyannote/clustering/centroid-method.ts';
import { normalizeRows } from '../../../backend/src/models/pyannote/clustering/matrix.ts';

/** Four directions with much noise: x[i][k] = cos(1.7·(i mod 4)·(k+1)) + 0.9·sin(0.61·i² + 1.3·k·i), to length 1. */
function directions(rows: number) {
  const columns = 6;
  const data = Float64Array.from({ length: rows * columns }, (_, at) => {
    const [i, k] = [Math.floor(at / columns), at % columns];
    return Math.cos(1.7 * (i % 4) * (k + 1)) + 0.9 * Math.sin(0.61 * i * i + 1.3 * k * i);
  });
  return normalizeRows({ data, rows, columns });
}

const THRESHOLD = 0.7045654963945799;

it.each([
  [12, 1, 60, '000000000000000000000000000000000000000000000000000000000000'],
  [12, 2, 2, '001100010011001101110111001101110001000101000011001101010011'],
  [12, 3, 3, '100210021002100210221022102210221012101210011002102210121002'],
  // No cut has five clusters as large: the nearest number is taken.
  [12, 5, 5, '103210321032133210321032103210221012103210311032103210321032'],
  [12, 4, 60, '103210321032133210321032103210221012103210311032103210321032'],
  [4, 1, 60, '011101110111011000110110011101100101011100100110011101110111'],
  [4, 2, 2, '011101110111011000110110011101100101011100100110011101110111'],
  [4, 3, 3, '022102210221022101210221022102110201022101200221022102210221'],
  [4, 5, 5, '103210321032103210321032103210221012103210311032103210321032'],
])(
  'clusters of at least %i embeddings, %i to %i of them',
  async (minClusterSize, minClusters, maxClusters, expected) => {
    const options = { threshold: THRESHOLD, minClusterSize, minClusters, maxClusters };
    const { labels, count } = await clusterByCentroid(directions(60), options);
    expect([...labels].join('')).toBe(expected);
    expect(count).toBe(new Set(expected).size);
  },
);

it.each([
  [15, '001100110111011'],
  [25, '0122012201220120012201200'],
])('in a short recording smaller clusters count: %i embeddings', async (rows, expected) => {
  const options = { threshold: THRESHOLD, minClusterSize: 12, minClusters: 1, maxClusters: rows };
  const { labels } = await clusterByCentroid(directions(rows), options);
  expect([...labels].join('')).toBe(expected);
});
