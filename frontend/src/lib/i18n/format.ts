/** Figures as a language writes them. Times are Unix seconds, as everywhere in the contract. */
import { once } from '../once.ts';
import type { Language } from './languages.ts';

const NO_BREAK_SPACE = '\u00a0';
const BYTE_UNITS: Record<Language, readonly string[]> = {
  en: ['B', 'kB', 'MB', 'GB', 'TB'],
  fr: ['o', 'ko', 'Mo', 'Go', 'To'],
};
const DAY: Record<Language, string> = { en: 'd', fr: 'j' };
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const A_DAY = 24 * HOUR;

export interface Format {
  /** Decimal units, three digits at most: `0 B`, `1.5 kB`, `312 MB`. */
  bytes(bytes: number): string;
  /** `212 MB/s`. */
  rate(bytesPerSecond: number): string;
  /** The two largest units: `9 s`, `2 min 5 s`, `1 h 3 min`; below 10 s with a tenth. */
  duration(seconds: number): string;
  /** A place in a recording: `1:02`, `1:00:02`. */
  clock(seconds: number): string;
  /** `3 minutes ago`, `in 2 hours`. */
  relative(at: number, now?: number): string;
  dateTime(at: number): string;
  time(at: number): string;
  number(value: number, options?: Intl.NumberFormatOptions): string;
  /** Of a share: 0.25 → `25%`. */
  percent(share: number): string;
}

/** A formatter costs far more to make than a figure to write: each kind is made once. */
function numbersOf(language: Language): Format['number'] {
  const made = new Map<string, Intl.NumberFormat>();
  return (value, options) => {
    const kind = options === undefined ? '' : JSON.stringify(options);
    let format = made.get(kind);
    if (format === undefined) {
      format = new Intl.NumberFormat(language, options);
      made.set(kind, format);
    }
    return format.format(value);
  };
}

export function createFormat(language: Language): Format {
  const relativeTime = once(() => new Intl.RelativeTimeFormat(language, { numeric: 'auto' }));
  const dateTime = once(() => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }));
  const time = once(() => new Intl.DateTimeFormat(language, { timeStyle: 'medium', hourCycle: 'h23' }));
  const percent = once(() => new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 }));
  const number = numbersOf(language);

  const bytes = (count: number): string => {
    let value = count;
    let unit = 0;
    // 999.5 would be shown as 1000.
    while (value >= 999.5 && unit < 4) {
      value /= 1000;
      unit += 1;
    }
    const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    const text = number(value, { maximumFractionDigits: digits, useGrouping: false });
    return `${text}${NO_BREAK_SPACE}${BYTE_UNITS[language][unit]}`;
  };

  const duration = (seconds: number): string => {
    const unit = (value: number, name: string) => `${number(value)}${NO_BREAK_SPACE}${name}`;
    if (seconds < 9.95) return unit(Math.round(seconds * 10) / 10, 's');
    const whole = Math.round(seconds);
    const parts: [number, string][] = [
      [Math.floor(whole / A_DAY), DAY[language]],
      [Math.floor((whole % A_DAY) / HOUR), 'h'],
      [Math.floor((whole % HOUR) / MINUTE), 'min'],
      [whole % MINUTE, 's'],
    ];
    const first = parts.findIndex(([value]) => value > 0);
    const shown = parts.slice(first, first + 2).filter(([value]) => value > 0);
    return shown.map(([value, name]) => unit(value, name)).join(' ');
  };

  return {
    bytes,
    rate: (bytesPerSecond) => `${bytes(bytesPerSecond)}/s`,
    duration,
    clock: (seconds) => {
      const whole = Math.floor(seconds);
      const two = (value: number) => String(value).padStart(2, '0');
      const minutes = Math.floor((whole % HOUR) / MINUTE);
      const tail = two(whole % MINUTE);
      return whole < HOUR ? `${minutes}:${tail}` : `${Math.floor(whole / HOUR)}:${two(minutes)}:${tail}`;
    },
    relative: (at, now = Date.now() / 1000) => {
      const seconds = at - now;
      const size = Math.abs(seconds);
      if (size < MINUTE) return relativeTime().format(Math.round(seconds), 'second');
      if (size < HOUR) return relativeTime().format(Math.round(seconds / MINUTE), 'minute');
      if (size < A_DAY) return relativeTime().format(Math.round(seconds / HOUR), 'hour');
      return relativeTime().format(Math.round(seconds / A_DAY), 'day');
    },
    dateTime: (at) => dateTime().format(at * 1000),
    time: (at) => time().format(at * 1000),
    number,
    percent: (share) => percent().format(share),
  };
}
