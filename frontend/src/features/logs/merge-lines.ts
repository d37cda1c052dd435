/** What was read of the log and what came since, as one list in the order of writing. */
import type { LogLevel, LogLine } from '@contract/logs.ts';

/** From worst to least. */
export const LEVELS = ['error', 'warn', 'info', 'debug'] as const satisfies readonly LogLevel[];

export interface LineFilters {
  request_id?: string | undefined;
  /** It, or worse. */
  level?: LogLevel | undefined;
  q?: string | undefined;
}

/** @param pages as the server gives them: newest first, already filtered */
export function mergeLines(
  pages: readonly (readonly LogLine[])[],
  live: readonly LogLine[],
  filters: LineFilters,
): LogLine[] {
  const read = pages.flat().toReversed();
  const last = read.at(-1)?.seq ?? 0;
  return [...read, ...live.filter((line) => line.seq > last && matches(line, filters))];
}

/** As the server judges: text anywhere in the line, whatever the case. */
function matches(line: LogLine, { request_id, level, q }: LineFilters): boolean {
  if (request_id !== undefined && line.request_id !== request_id) return false;
  if (level !== undefined && LEVELS.indexOf(line.level) > LEVELS.indexOf(level)) return false;
  return q === undefined || JSON.stringify(line).toLowerCase().includes(q.toLowerCase());
}

/** `gpu=2 model="whisper tiny"`: what else a line tells. */
export function fieldsText(fields: LogLine['fields']): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'string' && !/\s/.test(value) ? value : JSON.stringify(value)}`)
    .join(' ');
}
