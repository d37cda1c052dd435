/** What holds a GPU's clocks down, by the names of `nvidia-smi -q`. */

/** Bits of `clocks_event_reasons.active`: nvml.h, nvmlClocksEventReason…; idling and settings are no slowdown. */
const REASONS: readonly (readonly [bit: bigint, name: string])[] = [
  [0x04n, 'sw_power_cap'],
  [0x08n, 'hw_slowdown'],
  [0x20n, 'sw_thermal_slowdown'],
  [0x40n, 'hw_thermal_slowdown'],
  [0x80n, 'hw_power_brake_slowdown'],
];
export const SLOWDOWN_NAMES: readonly string[] = REASONS.map(([, name]) => name);

/** @param mask `0x` and hexadecimal digits; null where the driver does not tell. */
export function slowdownReasons(mask: string | null): string[] | null {
  if (mask === null || !/^0x[0-9a-f]+$/i.test(mask)) return null;
  const bits = BigInt(mask);
  return REASONS.filter(([bit]) => (bits & bit) !== 0n).map(([, name]) => name);
}
