/**
 * Erasures, noted beside the database as well: a backup that is older than one of them must not bring anybody back. Lines
 * are only added.
 */
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { ErasureNote } from './erasure.ts';

const note = z.object({
  id: z.uuid(),
  kind: z.enum(['key', 'user']),
  salt: z.string(),
  hash: z.string(),
  requested_at: z.iso.datetime(),
});

export function journalPath(dataDir: string): string {
  return join(dataDir, 'erasures.jsonl');
}

/** No file: no erasures. A line that was cut off by a crash is left out. @throws when another line is not a note. */
export async function readJournal(path: string): Promise<ErasureNote[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  // What follows the last line break was cut off.
  const lines = text.split('\n').slice(0, -1);
  return lines.flatMap((line, index) => {
    const parsed = line === '' ? undefined : note.safeParse(parseJson(line));
    if (parsed === undefined) return [];
    if (!parsed.success) throw new Error(`${path} is damaged in line ${index + 1}`);
    return [parsed.data];
  });
}

/** Adds those that are not there yet; durable when it resolves. One caller at a time. */
export async function addToJournal(path: string, notes: readonly ErasureNote[]): Promise<void> {
  const known = new Set((await readJournal(path)).map(({ id }) => id));
  const added = notes.filter(({ id }) => !known.has(id));
  if (added.length === 0) return;
  await mkdir(dirname(path), { recursive: true });
  await using file = await open(path, 'a+', 0o600);
  const { size } = await file.stat();
  const whole = await endOfLastLine(file, size);
  if (whole < size) await file.truncate(whole);
  await file.appendFile(`${added.map((each) => JSON.stringify(each)).join('\n')}\n`);
  await file.sync();
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}

/** Bytes up to the last line break, it included. */
async function endOfLastLine(file: Awaited<ReturnType<typeof open>>, size: number): Promise<number> {
  const { buffer } = await file.read(Buffer.alloc(size), 0, size, 0);
  return buffer.lastIndexOf(0x0a) + 1;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
