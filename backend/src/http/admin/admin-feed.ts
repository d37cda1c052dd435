/**
 * What happens on this gateway, as operators' pages are told of it: each event becomes text once, however many pages
 * listen, and lasting ones are kept for those that were away for a while.
 */
import type { AdminEvent } from '../../contract/admin.ts';
import { eventFrame } from '../sse.ts';

export interface FeedReader {
  /** Asked for lines of the log too. */
  logs: boolean;
  /** @returns false while the reader is behind. */
  write(frame: string): boolean;
  /** It is too far behind: it may come again, and goes on where it was. */
  end(): void;
}

/** Of events of one thing within so long, only the last is told. */
const INTERVAL_MS = 250;
const KEPT_EVENTS = 1_000;
/** So long after the last reader left, events are still kept for its return. */
const LINGER_MS = 60_000;
/** Events a slow reader may leave unsent. */
const MAX_UNSENT = 256;
/** Lines of the log told at a time; of more, the last. */
const MAX_LINES = 100;

/** Readers get the present state of these when they come, so they are not kept. */
const PASSING: ReadonlySet<AdminEvent['type']> = new Set(['gpu.sample', 'download.progress', 'log.line']);

export class AdminFeed {
  readonly #readers = new Map<FeedReader, { unsent: number }>();
  /** By what they are about, in order. */
  readonly #waiting = new Map<string, AdminEvent>();
  #lines: AdminEvent[] = [];
  #kept: { id: number; frame: string }[] = [];
  /** Greater than any id of an earlier start of the gateway. */
  #id = Date.now();
  /** Nothing after it is missing from `#kept`. */
  #completeSince = this.#id;
  #timer: NodeJS.Timeout | undefined;
  #lingering: NodeJS.Timeout | undefined;

  /** Id of the last lasting event that was told. */
  get lastId(): number {
    return this.#id;
  }

  /** Somebody listens, or may come back soon: where it is false, `publish` does nothing. */
  get isActive(): boolean {
    return this.#readers.size > 0 || this.#lingering !== undefined;
  }

  /** Somebody wants lines of the log. */
  get wantsLogs(): boolean {
    return [...this.#readers.keys()].some(({ logs }) => logs);
  }

  /** @param about what it replaces an earlier event of, unless that has been told */
  publish(about: string, event: AdminEvent): void {
    if (!this.isActive) return;
    if (event.type === 'log.line') {
      if (this.#lines.length === MAX_LINES) this.#lines.shift();
      this.#lines.push(event);
    } else {
      // Later than what came meanwhile.
      this.#waiting.delete(about);
      this.#waiting.set(about, event);
    }
    this.#timer ??= setTimeout(() => this.#flush(), INTERVAL_MS);
  }

  /** Tells `reader` of all that follows. @returns what ends it */
  subscribe(reader: FeedReader): () => void {
    clearTimeout(this.#lingering);
    if (!this.isActive) this.#completeSince = this.#id;
    this.#lingering = undefined;
    this.#readers.set(reader, { unsent: 0 });
    return () => {
      if (this.#readers.delete(reader) && this.#readers.size === 0) this.#linger();
    };
  }

  /** What came behind event `id`, to be sent before `subscribe`; undefined when some of it is not kept any more. */
  since(id: number): string[] | undefined {
    const isKnown = this.isActive && id >= this.#completeSince && id <= this.#id;
    return isKnown ? this.#kept.filter((event) => event.id > id).map(({ frame }) => frame) : undefined;
  }

  /** Something may have been missed: readers are told to look again. */
  forget(): void {
    if (!this.isActive) return;
    this.#kept = [];
    this.#id += 1;
    this.#completeSince = this.#id;
    this.#tell({ type: 'resync', rev: 0 });
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#lingering);
  }

  #linger(): void {
    this.#lingering = setTimeout(() => {
      this.#lingering = undefined;
      this.#kept = [];
      this.#waiting.clear();
    }, LINGER_MS);
    this.#lingering.unref();
  }

  #flush(): void {
    this.#timer = undefined;
    const events = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const event of events) this.#tell(event);
    const lines = this.#lines;
    this.#lines = [];
    if (this.wantsLogs) for (const line of lines) this.#tell(line);
  }

  #tell(event: AdminEvent): void {
    const isLasting = !PASSING.has(event.type);
    if (isLasting) this.#id += 1;
    const frame = eventFrame(event, isLasting ? this.#id : undefined);
    if (isLasting) this.#keep(frame);
    for (const [reader, state] of this.#readers) {
      if (event.type === 'log.line' && !reader.logs) continue;
      state.unsent = reader.write(frame) ? 0 : state.unsent + 1;
      if (state.unsent > MAX_UNSENT) reader.end();
    }
  }

  #keep(frame: string): void {
    this.#kept.push({ id: this.#id, frame });
    if (this.#kept.length < 2 * KEPT_EVENTS) return;
    this.#kept = this.#kept.slice(-KEPT_EVENTS);
    this.#completeSince = this.#id - KEPT_EVENTS;
  }
}
