/** What the keys and values of the encoder's output are called where they are made beforehand, in 8 bits. */

/** Of one layer: uint8 (0 as 128) and int8 [rows, heads, frames, 64], scales float32 [rows, heads, 1, 64]. */
export function crossNames(layer: number) {
  const name = (what: string) => `cross.${layer}.${what}`;
  return { key: name('key'), keyScale: name('key_scale'), value: name('value'), valueScale: name('value_scale') };
}

export function isCross(name: string): boolean {
  return name.startsWith('cross.');
}
