/** The last lines of the log, for operators' pages: text as it was written, so what is redacted there is redacted here. */
import { LOG_LEVELS, type LogLevel, type LogLine } from '../contract/logs.ts';

interface Kept {
  seq: number;
  level: LogLevel;
  requestId: string | null;
  /** JSON. */
  text: string;
}

export interface LogFilter {
  requestId?: string | undefined;
  /** It, or worse. */
  level?: LogLevel | undefined;
  /** Anywhere in the line, whatever the case. */
  text?: string | undefined;
  /** Lines older than that one. */
  before?: number | undefined;
  limit: number;
}

const CAPACITY = 5_000;
/** A line may hold what another program said at length. */
const MAX_LENGTH = 4_096;

export class LogRing {
  #lines: Kept[] = [];
  #seq = 0;
  readonly #listeners = new Set<(read: () => LogLine) => void>();

  /** @param text a JSON object with `timestamp`, `level` and `message` */
  add(level: string, text: string, requestId: unknown): void {
    if (!isLevel(level)) return;
    this.#seq += 1;
    const kept: Kept = {
      seq: this.#seq,
      level,
      requestId: typeof requestId === 'string' ? requestId : null,
      text: text.length > MAX_LENGTH ? shorten(text) : text,
    };
    this.#lines.push(kept);
    // Not one by one: that would move all the others each time.
    if (this.#lines.length >= 2 * CAPACITY) this.#lines = this.#lines.slice(-CAPACITY);
    for (const listener of this.#listeners) listener(() => toLine(kept));
  }

  /** Newest first. */
  find({ requestId, level, text, before = Number.POSITIVE_INFINITY, limit }: LogFilter) {
    const worst = level === undefined ? LOG_LEVELS.length : LOG_LEVELS.indexOf(level);
    const wanted = text?.toLowerCase();
    const found: Kept[] = [];
    const oldest = Math.max(0, this.#lines.length - CAPACITY);
    for (let index = this.#lines.length - 1; index >= oldest && found.length <= limit; index -= 1) {
      const line = this.#lines[index];
      if (line === undefined || line.seq >= before) continue;
      if (requestId !== undefined && line.requestId !== requestId) continue;
      if (LOG_LEVELS.indexOf(line.level) > worst) continue;
      if (wanted === undefined || line.text.toLowerCase().includes(wanted)) found.push(line);
    }
    return { lines: found.slice(0, limit).map(toLine), hasMore: found.length > limit };
  }

  /** Told of each line, which it reads if it wants it. */
  subscribe(listener: (read: () => LogLine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function toLine({ seq, level, requestId, text }: Kept): LogLine {
  const { timestamp, level: _, message, request_id: __, ...fields } = JSON.parse(text);
  return { seq, at: timestamp, level, message: String(message), request_id: requestId, fields };
}

function shorten(text: string): string {
  const { timestamp, level, message, request_id } = JSON.parse(text);
  const said = String(message).slice(0, MAX_LENGTH / 2);
  return JSON.stringify({ timestamp, level, request_id, message: said, shortened: true });
}

function isLevel(level: string): level is LogLevel {
  return LOG_LEVELS.some((known) => known === level);
}
