/** What a backup consists of, and how its files are written and read: a hash for each, and `backup.json` last. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const lines = z.object({ count: z.int(), sha256 });

/** `backup.json`. */
export const backupRecord = z.object({
  format: z.literal(1),
  id: z.string(),
  created_at: z.iso.datetime(),
  software: z.object({ name: z.literal('audio-gateway'), version: z.string() }),
  /** That the database had. */
  migrations: z.array(z.string()),
  /** `tables/NAME.ndjson.gz`: a JSON string for each row, PostgreSQL's own text of it. */
  tables: z.record(z.string(), lines.extend({ columns: z.array(z.string()) })),
  /** `files.ndjson.gz` lists what rows name; `files/KEY` has the bytes. */
  files: lines.extend({ bytes: z.int() }),
  /** Keys whose rows were deleted while the backup was made, and their files with them. */
  vanished: z.array(z.string()),
  /** Keys whose files were not there, or not of their size, though rows name them. */
  damaged: z.array(z.string()),
  /** `state/NAME`: files of DATA_DIR itself. */
  state: z.array(z.object({ name: z.string().regex(/^[^/\\]+$/), sha256 })),
  audit: z.object({ count: z.int(), hash: z.string() }),
});
export type BackupRecord = z.infer<typeof backupRecord>;

/** A file that rows name. */
export const listedFile = z.object({ key: z.string(), bytes: z.int().nullable(), sha256: sha256.nullable() });
export type ListedFile = z.infer<typeof listedFile>;

export const recordPath = (dir: string) => join(dir, 'backup.json');
export const tablePath = (dir: string, table: string) => join(dir, 'tables', `${table}.ndjson.gz`);
export const listPath = (dir: string) => join(dir, 'files.ndjson.gz');
export const filePath = (dir: string, key: string) => join(dir, 'files', key);
export const statePath = (dir: string, name: string) => join(dir, 'state', name);

/** @throws when there is no complete backup of a form this version knows. */
export async function readRecord(dir: string): Promise<BackupRecord> {
  const text = await readFile(recordPath(dir), 'utf8').catch((cause: unknown) => {
    throw new Error(`${dir} holds no complete backup: there is no backup.json`, { cause });
  });
  const { format } = z.object({ format: z.int() }).parse(JSON.parse(text));
  if (format !== 1) throw new Error(`${dir} was made by a newer version of the gateway (its format is ${format})`);
  return backupRecord.parse(JSON.parse(text));
}

/** Compressed lines of JSON. */
export async function writeLines(path: string, values: AsyncIterable<unknown>): Promise<z.infer<typeof lines>> {
  let count = 0;
  const hash = createHash('sha256');
  async function* toLines() {
    for await (const value of values) {
      count += 1;
      yield `${JSON.stringify(value)}\n`;
    }
  }
  const hashed = new PassThrough();
  hashed.on('data', (chunk: Buffer) => hash.update(chunk));
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true });
  await pipeline(Readable.from(toLines()), createGzip(), hashed, file);
  return { count, sha256: hash.digest('hex') };
}

/** @throws when the file cannot be read or unpacked. */
export async function* readLines(path: string): AsyncGenerator<unknown> {
  const file = createReadStream(path);
  const unzipped = createGunzip();
  file.on('error', (error) => unzipped.destroy(error));
  let rest = '';
  for await (const text of file.pipe(unzipped).setEncoding('utf8')) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line);
  }
}

export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
