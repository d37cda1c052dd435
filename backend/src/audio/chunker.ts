/** Bytes as they come through a pipe → aligned chunks of samples; no sample is lost or split at a border. */
export class Chunker {
  /** Whole samples taken in so far. */
  get samples(): number {
    return Math.floor(this.#taken / 4);
  }

  readonly #chunkSamples: number;
  readonly #peak: number;
  #chunk: Float32Array<ArrayBuffer>;
  /** Bytes of `#chunk` in use. */
  #filled = 0;
  #taken = 0;

  /** @param peak that samples are clamped to. */
  constructor(chunkSamples: number, peak = 1) {
    this.#chunkSamples = chunkSamples;
    this.#peak = peak;
    this.#chunk = new Float32Array(chunkSamples);
  }

  /** Takes f32le bytes, cut anywhere, and yields each chunk they complete. Hosts are little-endian (x64, arm64). */
  *push(bytes: Uint8Array): Generator<Float32Array, void, void> {
    this.#taken += bytes.length;
    for (let offset = 0; offset < bytes.length; ) {
      const part = bytes.subarray(offset, offset + this.#chunk.byteLength - this.#filled);
      new Uint8Array(this.#chunk.buffer).set(part, this.#filled);
      offset += part.length;
      this.#filled += part.length;
      if (this.#filled === this.#chunk.byteLength) {
        const full = this.#chunk;
        this.#chunk = new Float32Array(this.#chunkSamples);
        this.#filled = 0;
        yield clamp(full, this.#peak);
      }
    }
  }

  /** The last, shorter chunk, if any; up to 3 bytes of a sample that broke off are dropped. */
  *rest(): Generator<Float32Array, void, void> {
    const samples = Math.floor(this.#filled / 4);
    this.#filled = 0;
    if (samples > 0) yield clamp(this.#chunk.slice(0, samples), this.#peak);
  }
}

/** Float files may hold any bits: NaN and infinities would spread through a whole model. Full scale is ±1. */
function clamp(chunk: Float32Array, peak: number): Float32Array {
  for (let i = 0; i < chunk.length; i += 1) {
    const sample = chunk[i] ?? 0;
    if (sample > peak) chunk[i] = peak;
    else if (sample < -peak) chunk[i] = -peak;
    else if (Number.isNaN(sample)) chunk[i] = 0;
  }
  return chunk;
}
