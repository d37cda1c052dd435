/**
 * Files that crash a model's worker. Two crashes while running alone put a file's hash on the list for 24 hours, per
 * model version; until then the file is refused before it can take a worker down again.
 */
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { GatewayError } from '../errors.ts';
import { hashFile } from '../hash-file.ts';

const STRIKES = 2;
const TERM_MS = 24 * 3600 * 1000;

const record = z.object({
  /** Model id and snapshot commit. */
  version: z.string(),
  sha256: z.string(),
  bytes: z.int(),
  strikes: z.int(),
  /** Milliseconds since the epoch. */
  lastCrashAt: z.int(),
});
type QuarantineRecord = z.infer<typeof record>;

export class Quarantine {
  readonly #path: string;
  readonly #now: () => number;
  #records: QuarantineRecord[];
  #saving: Promise<void> = Promise.resolve();

  private constructor(path: string, records: QuarantineRecord[], now: () => number) {
    this.#path = path;
    this.#records = records;
    this.#now = now;
  }

  /** @throws when the file exists and is not a quarantine list. */
  static async open(path: string, now: () => number = Date.now): Promise<Quarantine> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '[]';
      throw error;
    });
    return new Quarantine(path, z.array(record).parse(JSON.parse(text)), now);
  }

  /** @throws audio_quarantined when this file is on the list for this model version. */
  async check(version: string, path: string): Promise<void> {
    const onRecord = this.#current().filter((item) => item.version === version);
    if (onRecord.length === 0) return;
    // Hashing is the expensive part: only a file as long as one on record can be that one.
    const { size } = await stat(path);
    const suspects = onRecord.filter((item) => item.bytes === size);
    if (suspects.length === 0) return;
    const sha256 = await hashFile(path);
    if (!suspects.some((item) => item.sha256 === sha256 && item.strikes >= STRIKES)) return;
    throw new GatewayError('audio_quarantined', {
      message: `This file made the model's worker crash ${STRIKES} times and is refused for 24 hours. Convert it to another format, or report it.`,
      param: 'file',
    });
  }

  /** Notes that this file crashed a worker of this model version while it ran alone. */
  async strike(version: string, path: string): Promise<void> {
    const [sha256, { size }] = await Promise.all([hashFile(path), stat(path)]);
    const known = this.#current().find((item) => item.version === version && item.sha256 === sha256);
    if (known === undefined) {
      this.#records.push({ version, sha256, bytes: size, strikes: 1, lastCrashAt: this.#now() });
    } else {
      known.strikes += 1;
      known.lastCrashAt = this.#now();
    }
    await this.#save();
  }

  #current(): QuarantineRecord[] {
    this.#records = this.#records.filter((item) => this.#now() - item.lastCrashAt < TERM_MS);
    return this.#records;
  }

  /** One write at a time, each atomic. */
  #save(): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      await mkdir(dirname(this.#path), { recursive: true });
      const temporary = `${this.#path}.tmp`;
      await writeFile(temporary, JSON.stringify(this.#records), { mode: 0o600 });
      await rename(temporary, this.#path);
    });
    return this.#saving;
  }
}
