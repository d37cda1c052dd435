/** Forgets a subject: its jobs, their files, what was kept of them, and its name. An erasure that was begun is finished. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../logger.ts';
import type { ErasureRow, ErasureStore, Subject } from '../store/erasure.ts';
import { addToJournal } from '../store/erasure-journal.ts';
import type { JobService } from './job-service.ts';

export interface ErasureOptions {
  store: ErasureStore;
  jobs: Pick<JobService, 'remove'>;
  /** Of the file that restores read; see `journalPath`. */
  journal: string;
  workRoot: string;
  log: Logger;
}

export class Erasure {
  readonly #options: ErasureOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ErasureOptions) {
    this.#options = options;
  }

  /**
   * Deletes what was there when it was called; requests that come later are none of its business, so a key is disabled
   * before. Interrupted, it is finished by `finishPending`, here or in another gateway.
   * @param actor id of who asked for it, for the audit log.
   */
  async erase(subject: Subject, actor: string): Promise<ErasureRow> {
    const row = await this.#options.store.begin(subject, actor);
    return this.#inTurn(() => this.#finish(row));
  }

  /** At the start, and now and then: what a crash or an error interrupted; and notes what other gateways erased. */
  async finishPending(): Promise<void> {
    const { store, log } = this.#options;
    await this.#inTurn(async () => {
      await this.#note();
      for (const row of await store.unfinished()) {
        const { counts } = await this.#finish(row);
        log.info('an erasure that was interrupted is finished', { id: row.id, counts });
      }
    });
  }

  async #finish(row: ErasureRow): Promise<ErasureRow> {
    const { store, jobs, workRoot } = this.#options;
    // First of all: what is deleted from here on must not come back with a backup.
    await this.#note();
    if (row.subject !== null) {
      const subject = { kind: row.kind, value: row.subject };
      for (;;) {
        const found = await store.jobs(subject, { until: row.requested_at });
        if (found.length === 0) break;
        for (const job of found) {
          await jobs.remove(job);
          for (const name of [job.id, `${job.id}.input`]) {
            await rm(join(workRoot, name), { recursive: true, force: true, maxRetries: 3 });
          }
          await store.countJob(row.id);
        }
      }
    }
    return store.finish(row.id);
  }

  async #note(): Promise<void> {
    const { store, journal } = this.#options;
    await addToJournal(journal, await store.notes());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
