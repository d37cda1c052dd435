/** Damaged media files, the same ones for the same seed: for tests that feed a decoder what no encoder would write. */

export interface Media {
  /** File name, for the test's report. */
  name: string;
  bytes: Uint8Array;
}

type Mutation = (media: Media, other: Media, random: Random) => Uint8Array;

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  truncated: ({ bytes }, _, random) => bytes.slice(0, random.below(bytes.length)),
  'bits-flipped': ({ bytes }, _, random) => damage(bytes, 1 + random.below(64), bytes.length, random),
  'header-damaged': ({ bytes }, _, random) => damage(bytes, 1 + random.below(16), 256, random),
  'header-swapped': ({ bytes }, other, random) => {
    const length = 4 + random.below(124);
    return join(other.bytes.slice(0, length), bytes.slice(length));
  },
  spliced: ({ bytes }, other, random) =>
    join(bytes.slice(0, random.below(bytes.length)), other.bytes.slice(random.below(other.bytes.length))),
  'size-inflated': ({ bytes }, _, random) => {
    const result = bytes.slice();
    const at = random.below(Math.min(512, Math.max(1, bytes.length - 4)));
    result.set([0xff, 0xff, 0xff, random.below(2) === 0 ? 0xff : 0x7f], at);
    return result;
  },
  'part-zeroed': ({ bytes }, _, random) => {
    const start = random.below(bytes.length);
    return bytes.slice().fill(0, start, start + random.below(bytes.length));
  },
  'part-repeated': ({ bytes }, _, random) => {
    const start = random.below(bytes.length);
    const part = bytes.slice(start, start + random.below(20_000));
    return join(bytes.slice(0, start), part, part, part, bytes.slice(start));
  },
  'front-missing': ({ bytes }, _, random) => bytes.slice(1 + random.below(Math.min(4096, bytes.length))),
};

/**
 * `count` files, each one mutation of one source; every kind of mutation and every source takes its turn. Names tell the
 * kind and the sources, so that a failing one can be made again from the seed.
 */
export function* mutations(seed: number, count: number, media: readonly Media[]): Generator<Media, void, void> {
  const random = new Random(seed);
  // A Buffer's slice would be a view: mutations would pile up in the source.
  const sources = media.map(({ name, bytes }) => ({ name, bytes: new Uint8Array(bytes) }));
  const kinds = Object.entries(MUTATIONS);
  for (let index = 0; index < count; index += 1) {
    const source = sources[index % sources.length];
    const other = sources[random.below(sources.length)];
    const [kind, mutate] = kinds[Math.floor(index / sources.length + index) % kinds.length] ?? [];
    if (source === undefined || other === undefined || kind === undefined || mutate === undefined) return;
    yield {
      name: `${seed}-${index}-${kind}-${other.name}-${source.name}`,
      bytes: mutate(source, other, random),
    };
  }
}

/** Mulberry32 (T. Ettinger, public domain): 32 bits of state are plenty here. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * bound);
  }
}

/** Flips `count` random bits among the first `length` bytes. */
function damage(bytes: Uint8Array, count: number, length: number, random: Random): Uint8Array {
  const result = bytes.slice();
  for (let i = 0; i < count; i += 1) {
    const at = random.below(Math.min(length, bytes.length));
    result[at] = (result[at] ?? 0) ^ (1 << random.below(8));
  }
  return result;
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
