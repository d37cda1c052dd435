/** Bytes as they come through a pipe → aligned chunks of samples; no sample is lost or split at a border. */
export class Chunker {
  /** Whole samples taken in so far. */
  get samples(): number {
    return Math.floor(this.#taken / 4);
  }

  readonly #chunkSamples: number;
  #chunk: Float32Array<ArrayBuffer>;
  /** Bytes of `#chunk` in use. */
  #filled = 0;
  #taken = 0;

  constructor(chunkSamples: number) {
    this.#chunkSamples = chunkSamples;
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
        yield clamp(full);
      }
    }
  }

  /** The last, shorter chunk, if any; up to 3 bytes of a sample that broke off are dropped. */
  *rest(): Generator<Float32Array, void, void> {
    const samples = Math.floor(this.#filled / 4);
    this.#filled = 0;
    if (samples > 0) yield clamp(this.#chunk.slice(0, samples));
  }
}

/** Float files may hold any bits: NaN and infinities would spread through a whole model. Full scale is ±1. */
function clamp(chunk: Float32Array): Float32Array {
  for (let i = 0; i < chunk.length; i += 1) {
    const sample = chunk[i] ?? 0;
    if (sample > 1) chunk[i] = 1;
    else if (sample < -1) chunk[i] = -1;
    else if (Number.isNaN(sample)) chunk[i] = 0;
  }
  return chunk;
}
