/** How close a separated signal comes to the true one, in dB; larger is better. */

/**
 * Signal-to-distortion ratio: 10·log10(Σs² / Σ(s − ŝ)²), over all channels at once where they are joined (as in the Music
 * Demixing Challenge, Mitsufuji et al. 2021). Infinite for an exact estimate, NaN where the reference is silent.
 */
export function sdr(reference: Float32Array, estimate: Float32Array): number {
  requireEqualLengths(reference, estimate);
  let signal = 0;
  let distortion = 0;
  for (let i = 0; i < reference.length; i += 1) {
    signal += (reference[i] as number) ** 2;
    distortion += ((reference[i] as number) - (estimate[i] as number)) ** 2;
  }
  return signal === 0 ? Number.NaN : 10 * Math.log10(signal / distortion);
}

/**
 * Scale-invariant signal-to-distortion ratio (Le Roux et al., "SDR – half-baked or well done?", 2019), of signals freed of
 * their means: the reference is scaled to come closest to the estimate. NaN where either is silent.
 */
export function siSdr(reference: Float32Array, estimate: Float32Array): number {
  requireEqualLengths(reference, estimate);
  const [referenceMean, estimateMean] = [meanOf(reference), meanOf(estimate)];
  let [referencePower, estimatePower, product] = [0, 0, 0];
  for (let i = 0; i < reference.length; i += 1) {
    const [wanted, made] = [(reference[i] as number) - referenceMean, (estimate[i] as number) - estimateMean];
    referencePower += wanted ** 2;
    estimatePower += made ** 2;
    product += wanted * made;
  }
  if (referencePower === 0 || estimatePower === 0) return Number.NaN;
  const signal = product ** 2 / referencePower;
  // Summed rather than taken as estimatePower − signal, which is lost in rounding where the estimate is good.
  const scale = product / referencePower;
  let distortion = 0;
  for (let i = 0; i < reference.length; i += 1) {
    const target = scale * ((reference[i] as number) - referenceMean);
    distortion += ((estimate[i] as number) - estimateMean - target) ** 2;
  }
  return 10 * Math.log10(signal / distortion);
}

/** By how much the estimate is closer to the reference than the mixture was. */
export function improvement(
  metric: (reference: Float32Array, estimate: Float32Array) => number,
  { reference, estimate, mixture }: Record<'reference' | 'estimate' | 'mixture', Float32Array>,
): number {
  return metric(reference, estimate) - metric(reference, mixture);
}

function meanOf(signal: Float32Array): number {
  let sum = 0;
  for (const sample of signal) sum += sample;
  return sum / signal.length;
}

function requireEqualLengths(reference: Float32Array, estimate: Float32Array): void {
  if (reference.length === estimate.length) return;
  throw new Error(`The reference has ${reference.length} samples, the estimate ${estimate.length}`);
}

/** `sdr` and `siSdr` of signals of any length, told piece by piece; above some 100 dB they are lost in rounding. */
export class RunningSdr {
  #count = 0;
  readonly #sums = { reference: 0, estimate: 0, product: 0, referencePower: 0, estimatePower: 0, difference: 0 };

  add(reference: Float32Array, estimate: Float32Array): void {
    requireEqualLengths(reference, estimate);
    const sums = this.#sums;
    this.#count += reference.length;
    for (let i = 0; i < reference.length; i += 1) {
      const [wanted, made] = [reference[i] as number, estimate[i] as number];
      sums.reference += wanted;
      sums.estimate += made;
      sums.product += wanted * made;
      sums.referencePower += wanted ** 2;
      sums.estimatePower += made ** 2;
      sums.difference += (wanted - made) ** 2;
    }
  }

  get sdr(): number {
    const { referencePower, difference } = this.#sums;
    return referencePower === 0 ? Number.NaN : 10 * Math.log10(referencePower / difference);
  }

  get siSdr(): number {
    const { reference, estimate, ...sums } = this.#sums;
    const product = sums.product - (reference * estimate) / this.#count;
    const referencePower = sums.referencePower - reference ** 2 / this.#count;
    const estimatePower = sums.estimatePower - estimate ** 2 / this.#count;
    if (!(referencePower > 0 && estimatePower > 0)) return Number.NaN;
    const signal = product ** 2 / referencePower;
    return 10 * Math.log10(signal / Math.max(0, estimatePower - signal));
  }
}
