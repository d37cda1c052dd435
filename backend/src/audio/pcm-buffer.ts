/** A sliding part of a stream of 16 kHz mono PCM: what was heard last, as long as someone still needs it. */
export class PcmBuffer {
  /** The stream's position behind the last sample heard. */
  get end(): number {
    return this.#end;
  }

  readonly #chunks: { start: number; pcm: Float32Array }[] = [];
  #end: number;

  /** `start`: the stream's position of the first sample that will come. */
  constructor(start = 0) {
    this.#end = start;
  }

  append(pcm: Float32Array): void {
    if (pcm.length === 0) return;
    this.#chunks.push({ start: this.#end, pcm });
    this.#end += pcm.length;
  }

  /** A copy of the samples [from, to), positions in the stream; the part already dropped or not yet heard is left out. */
  slice(from: number, to: number): Float32Array {
    const first = Math.max(from, this.#chunks[0]?.start ?? this.#end);
    const out = new Float32Array(Math.max(0, Math.min(to, this.#end) - first));
    for (const { start, pcm } of this.#chunks) {
      const part = pcm.subarray(Math.max(0, first - start), Math.max(0, to - start));
      if (part.length > 0) out.set(part, Math.max(start, first) - first);
    }
    return out;
  }

  /** Lets go of whole chunks that end before `position`. */
  dropBefore(position: number): void {
    const kept = this.#chunks.findIndex(({ start, pcm }) => start + pcm.length > position);
    this.#chunks.splice(0, kept === -1 ? this.#chunks.length : kept);
  }
}
