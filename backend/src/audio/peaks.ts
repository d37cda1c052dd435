/** The outline of a waveform: the least and the greatest sample of each stretch, as audiowaveform has them in 8 bits. */

import { setImmediate } from 'node:timers/promises';

/** Bytes of a point: two int8. */
export const POINT_BYTES = 2;
/** Points that are handed on together. */
const BLOCK_POINTS = 1024;
/**
 * A pipe or a socket that is always full hands over up to 2 MB in one turn of the event loop, which is 33 s of audio and
 * 15 ms: after so much the others have their turn. 64 Ki samples with their decoding take 2 ms.
 */
const TURN_SAMPLES = 65_536;
const TURN_BYTES = 65_536;

/** @param chunks of one channel, in [−1, 1]. @returns points of `stride` samples, the last one of what is left. */
export async function* tracePeaks(chunks: AsyncIterable<Float32Array>, stride: number): AsyncGenerator<Buffer> {
  let block = Buffer.alloc(BLOCK_POINTS * POINT_BYTES);
  let points = 0;
  let [least, greatest, samples] = [1, -1, 0];
  const close = () => {
    block.writeInt8(toInt8(least), points * POINT_BYTES);
    block.writeInt8(toInt8(greatest), points * POINT_BYTES + 1);
    points += 1;
    [least, greatest, samples] = [1, -1, 0];
  };
  let inTurn = 0;
  for await (const chunk of chunks) {
    if (inTurn + chunk.length > TURN_SAMPLES) {
      await setImmediate();
      inTurn = 0;
    }
    inTurn += chunk.length;
    for (const sample of chunk) {
      if (sample < least) least = sample;
      if (sample > greatest) greatest = sample;
      samples += 1;
      if (samples < stride) continue;
      close();
      if (points < BLOCK_POINTS) continue;
      yield block;
      block = Buffer.alloc(BLOCK_POINTS * POINT_BYTES);
      points = 0;
    }
  }
  if (samples > 0) close();
  yield block.subarray(0, points * POINT_BYTES);
}

/** Joins `count` points to one, the last one from what is left. @returns least and greatest in turn */
export async function joinPeaks(blocks: AsyncIterable<Buffer>, count: number): Promise<number[]> {
  const data: number[] = [];
  let [least, greatest, joined] = [127, -128, 0];
  let odd: Buffer = Buffer.alloc(0);
  let inTurn = 0;
  for await (const part of blocks) {
    if (inTurn + part.length > TURN_BYTES) {
      await setImmediate();
      inTurn = 0;
    }
    inTurn += part.length;
    const block = odd.length === 0 ? part : Buffer.concat([odd, part]);
    const whole = block.length - (block.length % POINT_BYTES);
    for (let at = 0; at < whole; at += POINT_BYTES) {
      least = Math.min(least, block.readInt8(at));
      greatest = Math.max(greatest, block.readInt8(at + 1));
      joined += 1;
      if (joined < count) continue;
      data.push(least, greatest);
      [least, greatest, joined] = [127, -128, 0];
    }
    odd = block.subarray(whole);
  }
  if (joined > 0) data.push(least, greatest);
  return data;
}

/** As audiowaveform: the upper byte of 16 bits, rounded towards zero. */
function toInt8(sample: number): number {
  return Math.max(-128, Math.min(127, Math.trunc(sample * 128)));
}
