/**
 * Child of the GPU checks: opens graphs on the one GPU its environment shows, through the worker's own module, says what
 * they gave, and keeps its sessions open until it is told to end or killed.
 */
import { isOutOfMemory } from '../../backend/src/models/out-of-memory.ts';
import { openSession } from '../../backend/src/worker/onnx.ts';
import { oneNodeGraph } from '../support/one-node-graph.ts';
import type { GpuChildReply } from './gpu-child-protocol.ts';

const [, , device = 'cuda:0', tooMany = '0'] = process.argv;
/** float32 values of 256 MiB: what the driver's figures must show. */
const LARGE = 2 ** 26;
const SIZE = 64;

process.on('disconnect', () => process.exit(0));
process.on('message', () => process.exit(0));

const open = (graph: Uint8Array) => openSession(graph, { threads: 1, device });
const input = (...shape: number[]) => ({ type: 'float32', shape }) as const;

/** cuBLAS: [64, 64] · [64, 64] of small whole numbers is exact. */
async function multiply(): Promise<boolean> {
  const session = await open(oneNodeGraph('MatMul', { a: input(SIZE, SIZE), b: input(SIZE, SIZE) }, [SIZE, SIZE]));
  const value = (row: number, column: number) => ((3 * row + 5 * column) % 7) - 3;
  const data = Float32Array.from({ length: SIZE * SIZE }, (_, at) => value(Math.floor(at / SIZE), at % SIZE));
  const matrix = () => session.tensor('float32', data, [SIZE, SIZE]);
  const { y } = await session.run({ a: matrix(), b: matrix() });
  return data.every((_, at) => {
    const [row, column] = [Math.floor(at / SIZE), at % SIZE];
    let sum = 0;
    for (let k = 0; k < SIZE; k += 1) sum += value(row, k) * value(k, column);
    return y?.data[at] === sum;
  });
}

/** cuDNN: each value and its neighbours. */
async function convolve(): Promise<boolean> {
  const session = await open(oneNodeGraph('Conv', { x: input(1, 1, SIZE), w: input(1, 1, 3) }, [1, 1, SIZE - 2]));
  const x = Float32Array.from({ length: SIZE }, (_, at) => at % 5);
  const { y } = await session.run({
    x: session.tensor('float32', x, [1, 1, SIZE]),
    w: session.tensor('float32', Float32Array.of(1, 10, 100), [1, 1, 3]),
  });
  return x.subarray(2).every((_, at) => y?.data[at] === (x[at] ?? 0) + 10 * (x[at + 1] ?? 0) + 100 * (x[at + 2] ?? 0));
}

/** A value, `count` times. */
async function expand(count: number): Promise<number> {
  const shape = { type: 'int64', shape: [1] } as const;
  const session = await open(oneNodeGraph('Expand', { x: input(1), shape }, ['n']));
  const { y } = await session.run({
    x: session.tensor('float32', Float32Array.of(7), [1]),
    shape: session.tensor('int64', BigInt64Array.of(BigInt(count)), [1]),
  });
  return y?.data.length ?? 0;
}

/** What is said of more than the GPU holds, and whether it is taken for what it is. */
async function exhaust(): Promise<GpuChildReply['tooMuch']> {
  try {
    return { isRecognised: false, message: `no failure: ${await expand(Number(tooMany))} values` };
  } catch (error) {
    return { isRecognised: isOutOfMemory(error), message: error instanceof Error ? error.message : String(error) };
  }
}

let reply: GpuChildReply | { failure: string };
try {
  const [multiplied, convolved] = [await multiply(), await convolve()];
  const expanded = (await expand(LARGE)) === LARGE;
  reply = { multiplied, convolved, expanded, tooMuch: Number(tooMany) > 0 ? await exhaust() : undefined };
} catch (error) {
  reply = { failure: error instanceof Error ? error.message : String(error) };
}
process.send?.(reply);
