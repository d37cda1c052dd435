/** Flat clusters out of a dendrogram, numbered as SciPy's `fcluster` numbers them. */
import type { Dendrogram } from './linkage.ts';

/** Clusters of all points: `labels` [points], from 0 to `count` - 1, none empty. */
export interface Labels {
  labels: Int32Array;
  count: number;
}

/** The clusters within which no merge is farther than `threshold` (`criterion='distance'`). */
export function cutAtDistance(tree: Dendrogram, threshold: number): Labels {
  return cut(tree, greatestDistances(tree), threshold);
}

/** The clusters there are after the first `merges` merges. */
export function cutAfterMerges(tree: Dendrogram, merges: number): Labels {
  return cut(
    tree,
    Float64Array.from(tree.distance, (_, merge) => merge),
    merges - 1,
  );
}

/** Of each node, the greatest distance at which anything below it or itself was merged. */
function greatestDistances({ points, left, right, distance }: Dendrogram): Float64Array {
  const greatest = new Float64Array(distance.length);
  for (let merge = 0; merge < distance.length; merge++) {
    const below = [left[merge] as number, right[merge] as number].map((id) =>
      id < points ? 0 : (greatest[id - points] as number),
    );
    greatest[merge] = Math.max(distance[merge] as number, ...below);
  }
  return greatest;
}

/** SciPy's `cluster_monocrit`: walks from the root, left before right; points directly below a node come after both. */
function cut({ points, left, right }: Dendrogram, criterion: Float64Array, limit: number): Labels {
  const labels = new Int32Array(points);
  if (points < 2) return { labels, count: points };
  const visited = new Uint8Array(left.length);
  const path = [left.length - 1];
  let count = 0;
  let leader = -1;
  for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
    if (leader === -1 && (criterion[node] as number) <= limit) {
      leader = node;
      count++;
    }
    const children = [left[node] as number, right[node] as number];
    const next = children.find((child) => child >= points && visited[child - points] === 0);
    if (next !== undefined) {
      visited[next - points] = 1;
      path.push(next - points);
      continue;
    }
    for (const child of children) {
      if (child >= points) continue;
      if (leader === -1) count++;
      labels[child] = count - 1;
    }
    if (leader === node) leader = -1;
    path.pop();
  }
  return { labels, count };
}
