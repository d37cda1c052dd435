/** The gateway's own doctor: one examination at a time, whoever asks, and not again within seconds. */
import type { DoctorReport } from '../contract/doctor.ts';
import type { Check } from './check.ts';
import { examine } from './examine.ts';

/** A page that asks again and again must not keep a machine busy. */
const KEPT_MS = 10_000;

export class Doctor {
  readonly #createChecks: () => readonly Check[];
  readonly #end = new AbortController();
  #report: Promise<DoctorReport> | undefined;

  constructor(createChecks: () => readonly Check[]) {
    this.#createChecks = createChecks;
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
      return await examine(this.#createChecks(), this.#end.signal);
    } finally {
      setTimeout(() => {
        this.#report = undefined;
      }, KEPT_MS).unref();
    }
  }
}
