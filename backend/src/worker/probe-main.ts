/**
 * Entry of a short-lived process: opens a graph of one node on the device that its environment shows, as a worker opens
 * its graphs, runs it, and tells the parent how that went.
 */
import { openSession } from './onnx.ts';
import type { ProbeResult } from './probe-device.ts';

/**
 * ONNX, opset 13: y[1,1,3] = Conv(x[1,1,4], w[1,1,2]); on a GPU that is cuDNN's work. A test builds it anew.
 */
const ONE_NODE_GRAPH = Buffer.from(
  'CAgSDWF1ZGlvLWdhdGV3YXk6aQoVCgF4CgF3EgF5GgRjb252IgRDb252EgVwcm9iZVoXCgF4EhIKEAgBEgwKAggBCgIIAQoCCARaFwoBdxISChAI' +
    'ARIMCgIIAQoCCAEKAggCYhcKAXkSEgoQCAESDAoCCAEKAggBCgIIA0ICEA0=',
  'base64',
);

async function probe(device: string): Promise<ProbeResult> {
  try {
    const start = performance.now();
    const session = await openSession(ONE_NODE_GRAPH, { threads: 1, device });
    const x = session.tensor('float32', Float32Array.of(1, 2, 3, 4), [1, 1, 4]);
    const w = session.tensor('float32', Float32Array.of(1, 10), [1, 1, 2]);
    const result = [...((await session.run({ x, w })).y?.data ?? [])];
    if (result.join() !== '21,32,43') return { ok: false, reason: `it computed ${result.join()} for 21,32,43` };
    return { ok: true, seconds: (performance.now() - start) / 1000 };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

process.on('disconnect', () => process.exit(0));
const result = await probe(process.argv[2] ?? 'cpu');
process.send?.(result, () => process.disconnect?.());
