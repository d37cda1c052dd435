const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];
const NO_BREAK_SPACE = '\u00a0';

/** Decimal units, three digits at most: `0 B`, `1.5 kB`, `312 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${Number(value.toFixed(digits))}${NO_BREAK_SPACE}${UNITS[unit]}`;
}
