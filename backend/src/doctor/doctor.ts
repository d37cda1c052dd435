/** The gateway's own doctor: one examination at a time, whoever asks, and not again within seconds. */
import type { DoctorReport } from '../contract/doctor.ts';
import type { Check } from './check.ts';
import { examine } from './examine.ts';

/** A page that asks again and again must not keep a machine busy. */
const KEPT_MS = 10_000;
/** It starts programs, and opens a graph on every GPU. */
const STALE_SECONDS = 600;

export class Doctor {
  readonly #createChecks: () => readonly Check[];
  readonly #end = new AbortController();
  #report: Promise<DoctorReport> | undefined;
  #latest: DoctorReport | undefined;

  constructor(createChecks: () => readonly Check[]) {
    this.#createChecks = createChecks;
  }

  /** What the last examination found; begins another one where that was too long ago, or never. */
  latest(): DoctorReport | undefined {
    const isOld = this.#latest === undefined || Date.now() / 1000 - this.#latest.examined_at > STALE_SECONDS;
    // Its failure is told by whoever waits for it.
    if (isOld && !this.#end.signal.aborted) this.report().catch(() => {});
    return this.#latest;
  }

  report(): Promise<DoctorReport> {
    this.#report ??= this.#examine();
    return this.#report;
  }

  /** Ends an examination under way, and the processes it has started. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#report?.catch(() => {});
  }

  async #examine(): Promise<DoctorReport> {
    try {
      this.#latest = await examine(this.#createChecks(), this.#end.signal);
      return this.#latest;
    } finally {
      setTimeout(() => {
        this.#report = undefined;
      }, KEPT_MS).unref();
    }
  }
}
