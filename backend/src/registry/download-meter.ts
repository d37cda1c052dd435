/** How fast a download goes, from the bytes that came over the last ten seconds. Times are milliseconds of one clock. */

const WINDOW_MS = 10_000;
/** A rate over less says more of the network's bursts than of the download. */
const LEAST_MS = 1_000;

export class DownloadMeter {
  /** Oldest first; the first is the last one before the window, where there is one. */
  readonly #points: { at: number; bytes: number }[];
  #bytes = 0;
  #movedAt: number;

  constructor(now: number) {
    this.#points = [{ at: now, bytes: 0 }];
    this.#movedAt = now;
  }

  /** So many more bytes have come. */
  add(bytes: number, now: number): void {
    if (bytes <= 0) return;
    this.#bytes += bytes;
    this.#movedAt = now;
    this.#points.push({ at: now, bytes: this.#bytes });
  }

  /** A wait that is no fault of the line's is over, such as one for hashes. */
  touch(now: number): void {
    this.#movedAt = now;
  }

  /** null: there is not enough to tell from. */
  bytesPerSecond(now: number): number | null {
    for (let second = this.#points[1]; second !== undefined && second.at <= now - WINDOW_MS; second = this.#points[1]) {
      this.#points.shift();
    }
    const [first] = this.#points;
    if (first === undefined || now - first.at < LEAST_MS) return null;
    return Math.round(((this.#bytes - first.bytes) * 1000) / Math.min(now - first.at, WINDOW_MS));
  }

  /** Whole seconds since the last byte came. */
  stalledSeconds(now: number): number {
    return Math.floor((now - this.#movedAt) / 1000);
  }
}
