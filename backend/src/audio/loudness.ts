/** Integrated loudness of stereo audio in LUFS (ITU-R BS.1770-4: K-weighting, gates at −70 LUFS and 10 LU below), as it comes. */

export interface LoudnessMeter {
  /** [n, 2], any number at a time. */
  add(samples: Float32Array): void;
  /** Of all so far; null where nothing is above the gate, or for less than 0.4 s. */
  integrated(): number | null;
}

/** A block is 0.4 s, one begins every 0.1 s. */
const STEPS_IN_BLOCK = 4;
const STEP_SECONDS = 0.1;
const ABSOLUTE_GATE = -70;
const RELATIVE_GATE = -10;
/** Of a sine of 997 Hz at full scale in one channel: −3.01 LUFS. */
const OFFSET = -0.691;

export function createLoudnessMeter(sampleRate: number): LoudnessMeter {
  const step = Math.round(STEP_SECONDS * sampleRate);
  const channels = [createKWeighting(sampleRate), createKWeighting(sampleRate)];
  /** Mean square of both channels together, by step. */
  const steps: number[] = [];
  let squares = 0;
  let frames = 0;
  return {
    add(samples) {
      for (let at = 0; at < samples.length; at += 2) {
        for (const [channel, weigh] of channels.entries()) squares += weigh(samples[at + channel] as number) ** 2;
        frames += 1;
        if (frames < step) continue;
        steps.push(squares / step);
        squares = 0;
        frames = 0;
      }
    },
    integrated() {
      const blocks: number[] = [];
      for (let first = 0; first + STEPS_IN_BLOCK <= steps.length; first += 1) blocks.push(meanOf(steps, first));
      const audible = blocks.filter((power) => loudnessOf(power) > ABSOLUTE_GATE);
      const threshold = loudnessOf(average(audible)) + RELATIVE_GATE;
      const counted = audible.filter((power) => loudnessOf(power) > threshold);
      return counted.length === 0 ? null : loudnessOf(average(counted));
    },
  };
}

function meanOf(steps: readonly number[], first: number): number {
  let sum = 0;
  for (let at = first; at < first + STEPS_IN_BLOCK; at += 1) sum += steps[at] as number;
  return sum / STEPS_IN_BLOCK;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function loudnessOf(power: number): number {
  return OFFSET + 10 * Math.log10(power);
}

/** A shelf that stands for the head and a high-pass, as the standard has them at 48 kHz; for other rates by its analogue prototypes. */
function createKWeighting(sampleRate: number): (sample: number) => number {
  const head = createBiquad(shelf(sampleRate));
  const highPass = createBiquad(highPassOf(sampleRate));
  return (sample) => highPass(head(sample));
}

interface Coefficients {
  b: readonly [number, number, number];
  a: readonly [number, number];
}

/** Parameters that give the standard's coefficients at 48 kHz (libebur128). */
function shelf(sampleRate: number): Coefficients {
  const [frequency, gain, quality] = [1681.974450955533, 3.999843853973347, 0.7071752369554196];
  const k = Math.tan((Math.PI * frequency) / sampleRate);
  const high = 10 ** (gain / 20);
  const band = high ** 0.4996667741545416;
  const a0 = 1 + k / quality + k * k;
  return {
    b: [
      (high + (band * k) / quality + k * k) / a0,
      (2 * (k * k - high)) / a0,
      (high - (band * k) / quality + k * k) / a0,
    ],
    a: [(2 * (k * k - 1)) / a0, (1 - k / quality + k * k) / a0],
  };
}

function highPassOf(sampleRate: number): Coefficients {
  const [frequency, quality] = [38.13547087602444, 0.5003270373238773];
  const k = Math.tan((Math.PI * frequency) / sampleRate);
  const a0 = 1 + k / quality + k * k;
  return { b: [1, -2, 1], a: [(2 * (k * k - 1)) / a0, (1 - k / quality + k * k) / a0] };
}

function createBiquad({ b: [b0, b1, b2], a: [a1, a2] }: Coefficients): (sample: number) => number {
  let [first, second] = [0, 0];
  return (sample) => {
    const out = b0 * sample + first;
    first = b1 * sample - a1 * out + second;
    second = b2 * sample - a2 * out;
    return out;
  };
}
