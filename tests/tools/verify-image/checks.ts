/** What a phase has seen, told as it comes and kept for the report. */
import { writeFile } from 'node:fs/promises';

export interface Row {
  check: string;
  ok: boolean;
  seen: string;
}

export class Checks {
  readonly #file: string;
  readonly rows: Row[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  async add(check: string, ok: boolean, seen: string | number): Promise<void> {
    this.rows.push({ check, ok, seen: String(seen) });
    console.error(`${ok ? 'ok    ' : 'MISSED'}  ${check}: ${seen}`);
    await writeFile(this.#file, JSON.stringify(this.rows));
  }
}

/** Seconds, with one decimal, that `work` took. */
export async function timed<T>(work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const began = Date.now();
  const result = await work();
  return { result, seconds: Math.round((Date.now() - began) / 100) / 10 };
}
