/**
 * A track heard in overlapping segments, in order and in bounded memory: each segment's result is faded in and out, and
 * what no later segment touches is handed out.
 */

/** How a track is cut. All positions are the track's: frame 0 is its first, negative ones come before it. */
export interface Tiling {
  /** Frames of a segment. */
  size: number;
  /** Frames from segment to segment. */
  stride: number;
  /** Where each pass over the track begins, none after frame 0; the passes are averaged. */
  origins: readonly number[];
  /** Where every pass ends, at the track's end or behind it: its last segments are cut off there. */
  end: number;
  /** Fade [length] of a segment that is cut off to `length`; what counts is the proportion to its neighbours'. */
  window(length: number): Float32Array;
  /** A segment that is cut off is heard with as much of the track before it as behind it, instead of what follows alone. */
  centred: boolean;
}

/** One of `count` parts of a track that are heard apart, by several replicas perhaps, and together are all of it. */
export interface TrackPart {
  /** From 0 on. */
  index: number;
  count: number;
}

const WHOLE: TrackPart = { index: 0, count: 1 };

export interface OverlapAddOptions {
  tiling: Tiling;
  /** Of the track. */
  frames: number;
  /** Channels of the results. */
  planes: number;
  /** Of [2, count] from frame `from` on; beyond both ends of the track is silence. */
  read(from: number, count: number): Promise<Float32Array>;
  /** A segment [2, size] → [planes, size]. */
  run(segment: Float32Array, signal: AbortSignal): Promise<Float32Array>;
  /** Segments in work at a time. Default 1. */
  parallel?: number | undefined;
  /** Default: all of the track. */
  part?: TrackPart | undefined;
  signal: AbortSignal;
  /** After each segment. */
  onSegment?(done: number, total: number): void;
}

interface Segment {
  /** The pass it belongs to, by its beginning. */
  origin: number;
  start: number;
  /** At most `size`. */
  length: number;
}

/** Frames of results that wait for later segments: those of one segment, however long the track. */
export function bufferedFrames({ size }: Tiling): number {
  return size;
}

/**
 * The frames of a part: borders are where segments of the first pass begin. A part's frames are those of the whole, to the
 * bit; segments across a border are heard in both parts. There are none where a track has fewer segments than parts.
 */
export function framesOf({ stride, origins }: Tiling, frames: number, { index, count }: TrackPart) {
  const [origin = 0] = origins;
  const border = (number: number) => {
    if (number === 0 || number === count) return number === 0 ? 0 : frames;
    const wished = (frames * number) / count;
    return Math.max(0, Math.min(frames, origin + stride * Math.round((wished - origin) / stride)));
  };
  return { from: border(index), to: border(index + 1) };
}

/**
 * Finished frames, in order and without gaps: blocks [planes, n] whose memory is the caller's. Beside the buffer, the
 * results of up to `parallel` segments are held.
 *
 * @throws the signal's reason, at once: segments in work are left behind, their outcome is nobody's. Whatever `read` and `run` throw.
 */
export async function* overlapAdd(options: OverlapAddOptions): AsyncGenerator<Float32Array, void, void> {
  const { tiling, frames, planes, parallel = 1, part = WHOLE, signal, onSegment } = options;
  const { size } = tiling;
  const ring = new Float32Array(planes * bufferedFrames(tiling));
  const { from: begin, to: end } = framesOf(tiling, frames, part);
  const all = segmentsOf(tiling, frames, begin, end);
  const segments = all.values();
  const total = all.length;
  const waiting: { segment: Segment; result: Promise<Float32Array> }[] = [];
  let emitted = begin;
  let done = 0;
  const aborted = abortOf(signal);
  const start = () => {
    const { value: segment } = segments.next();
    if (segment === undefined) return;
    const result = hear(segment, options);
    result.catch(() => {}); // of a segment left behind
    waiting.push({ segment, result });
  };
  try {
    for (let i = 0; i < parallel; i += 1) start();
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const result = await Promise.race([next.result, aborted.promise]);
      signal.throwIfAborted();
      if (result.length !== planes * size) {
        throw new Error(`A segment came back as ${result.length} samples, not ${planes} x ${size}`);
      }
      add(next.segment, result);
      start();
      done += 1;
      onSegment?.(done, total);
      const finished = Math.min(waiting[0]?.segment.start ?? end, end);
      if (finished > emitted) {
        yield take(emitted, finished - emitted);
        emitted = finished;
        signal.throwIfAborted();
      }
    }
  } finally {
    aborted.dispose();
  }

  function add(segment: Segment, result: Float32Array): void {
    const weights = weightsOf(segment, tiling);
    const lead = leadOf(segment, tiling);
    const first = Math.max(0, begin - segment.start);
    const last = Math.min(segment.length, end - segment.start);
    for (let plane = 0; plane < planes; plane += 1) {
      const from = plane * size + lead;
      let at = (segment.start + first) % size;
      for (let i = first; i < last; i += 1) {
        const slot = plane * size + at;
        ring[slot] = (ring[slot] as number) + (result[from + i] as number) * (weights[i] as number);
        at = at + 1 === size ? 0 : at + 1;
      }
    }
  }

  /** Takes `count` frames from `from` on out of the ring: at most a stride, so at most `size`. */
  function take(from: number, count: number): Float32Array {
    const block = new Float32Array(planes * count);
    const at = from % size;
    const head = Math.min(count, size - at);
    for (let plane = 0; plane < planes; plane += 1) {
      for (const [source, length, target] of [
        [at, head, 0],
        [0, count - head, head],
      ] as const) {
        const part = ring.subarray(plane * size + source, plane * size + source + length);
        block.set(part, plane * count + target);
        part.fill(0);
      }
    }
    return block;
  }
}

async function hear(segment: Segment, { tiling, read, run, signal }: OverlapAddOptions): Promise<Float32Array> {
  const pcm = await read(segment.start - leadOf(segment, tiling), tiling.size);
  signal.throwIfAborted();
  return await run(pcm, signal);
}

/** Frames heard before the segment's own. */
function leadOf({ length }: Segment, { size, centred }: Tiling): number {
  return centred ? Math.floor((size - length) / 2) : 0;
}

/** Of all passes, those that frames from `begin` to `end` need, in the order of their starts. */
function segmentsOf(
  { size, stride, origins, end: cut }: Tiling,
  frames: number,
  begin: number,
  end: number,
): Segment[] {
  const passes = origins.flatMap((origin) => {
    const count = Math.max(0, Math.ceil((frames - origin) / stride));
    return Array.from({ length: count }, (_, step) => {
      const start = origin + step * stride;
      return { origin, start, length: Math.min(size, cut - start) };
    });
  });
  const needed = passes.filter(({ start, length }) => begin < end && start < end && start + length > begin);
  return needed.sort((a, b) => a.start - b.start);
}

/** [length] The segment's fade over the sum of all fades of its pass at each frame, over the number of passes. */
function weightsOf({ origin, start, length }: Segment, { size, stride, origins, end, window }: Tiling): Float32Array {
  const own = window(length);
  const sum = new Float32Array(length);
  const reach = Math.ceil(size / stride) - 1;
  for (let step = -reach; step <= reach; step += 1) {
    const offset = step * stride;
    const neighbour = start + offset;
    if (neighbour < origin || neighbour >= end) continue;
    const fade = window(Math.min(size, end - neighbour));
    for (let i = Math.max(0, offset); i < Math.min(length, offset + fade.length); i += 1) {
      sum[i] = (sum[i] as number) + (fade[i - offset] as number);
    }
  }
  return sum.map((total, i) => (total > 0 ? (own[i] as number) / (total * origins.length) : 0));
}

/** A promise that rejects with the signal's reason, and how to forget it. */
function abortOf(signal: AbortSignal): { promise: Promise<never>; dispose(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return { promise, dispose: () => signal.removeEventListener('abort', onAbort) };
}

/** A window made once for each length: all segments of a track but its last few have the same. */
export function rememberWindows(make: (length: number) => Float32Array): (length: number) => Float32Array {
  const made = new Map<number, Float32Array>();
  return (length) => {
    const window = made.get(length) ?? make(length);
    made.set(length, window);
    return window;
  };
}
