import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { lock } from '../file-lock.ts';
import { TransientFailure } from '../retry.ts';
import { createStallGuard } from '../stall-guard.ts';
import { syncFolder } from '../sync-folder.ts';
import { blobPath, lockPath, partialPath } from './cache-layout.ts';
import { writeFully } from './disk.ts';
import { connectionError, integrityError } from './hub-error.ts';
import { type HubFile, resolveUrl } from './hub-listing.ts';
import type { HubSession } from './hub-session.ts';
import { ignoreMissing } from './ignore-missing.ts';
import type { BytesSource } from './progress.ts';

export interface BlobDownload {
  session: HubSession;
  cacheDir: string;
  /** Commit the file is taken from. */
  commit: string;
  file: HubFile;
  /** Told how many of the file's bytes have been gained, or lost (negative) when it starts again. */
  onBytes(delta: number, source: BytesSource): void;
}

/** What is on disk or on its way there cannot be this file; the way out is to start from zero. */
class Mismatch extends Error {
  override readonly name = 'Mismatch';
}

/** The partial file while it grows: `hash` has seen its first `offset` bytes. */
interface Partial {
  readonly handle: FileHandle;
  hash: Hash;
  offset: number;
  /** The furthest it has been. */
  furthest: number;
}

/** Bytes hashed in one go, about 1 ms of the event loop. */
const HASH_CHUNK_BYTES = 256 * 1024;

/**
 * Brings one file's content into the cache as a blob: one writer at a time over all processes, continuing what an
 * earlier one left, checked against size and hash before it gets its name. An abort leaves the partial file.
 * Throws `hub_integrity`, `hub_unreachable`, `hub_access_denied`, `hub_not_found`, `insufficient_storage`.
 */
export async function downloadBlob(download: BlobDownload): Promise<void> {
  const { session, cacheDir, file, onBytes } = download;
  const blob = blobPath(cacheDir, session.repo, file.oid);
  const partial = partialPath(cacheDir, session.repo, file.oid);
  using _ = await lock(lockPath(cacheDir, session.repo, file.oid), { signal: session.signal });
  if (await hasSize(blob, file.size)) {
    onBytes(file.size, 'found');
    return;
  }
  await mkdir(dirname(blob), { recursive: true });
  try {
    await fill(download, partial);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    session.log('hub file did not match, starting again', { repo: session.repo, file: file.path, why: error.message });
    await fillAgain(download, partial);
  }
  await rename(partial, blob);
  await syncFolder(dirname(blob));
}

/** The one further try. The old partial file is unlinked, not truncated: whoever still has it open harms nothing. */
async function fillAgain(download: BlobDownload, partial: string): Promise<void> {
  await rm(partial, { force: true });
  try {
    await fill(download, partial);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    await rm(partial, { force: true });
    throw integrityError(download.session, `"${download.file.path}" ${error.message}`, error);
  }
}

/** Completes the partial file and checks it; afterwards it is on the disk, not only in the kernel's memory. */
async function fill(download: BlobDownload, path: string): Promise<void> {
  const { session, file, onBytes } = download;
  await using handle = await open(path, constants.O_RDWR | constants.O_CREAT);
  const partial: Partial = { handle, hash: startHash(file), offset: 0, furthest: 0 };
  try {
    await hashExisting(partial, download);
    if (partial.offset < file.size) await session.retrying(() => receive(partial, download), file.path);
    if (partial.hash.digest('hex') !== file.oid) throw new Mismatch('has another hash');
  } catch (error) {
    if (error instanceof Mismatch) onBytes(-partial.offset, 'found');
    throw error;
  }
  await handle.sync();
}

/** Hashes what an earlier download left, in pieces. */
async function hashExisting(partial: Partial, { session, file, onBytes }: BlobDownload): Promise<void> {
  if ((await partial.handle.stat()).size > file.size) throw new Mismatch('is longer than announced');
  const buffer = Buffer.allocUnsafe(HASH_CHUNK_BYTES);
  for (;;) {
    session.signal.throwIfAborted();
    const { bytesRead } = await partial.handle.read(buffer, 0, buffer.length, partial.offset);
    if (bytesRead === 0) break;
    partial.hash.update(buffer.subarray(0, bytesRead));
    advance(partial, bytesRead, (bytes) => onBytes(bytes, 'found'));
  }
  if (partial.offset > 0) {
    session.log('hub download continues', { repo: session.repo, file: file.path, offset: partial.offset });
  }
}

/** One request for the rest of the file. */
async function receive(partial: Partial, { session, commit, file, onBytes }: BlobDownload): Promise<void> {
  using guard = createStallGuard(session.signal, session.stallMs);
  const furthestBefore = partial.furthest;
  const answer = await session.get(resolveUrl(session, commit, file.path), {
    headers: { 'accept-encoding': 'identity', ...(partial.offset > 0 && { range: `bytes=${partial.offset}-` }) },
    signal: guard.signal,
    file: file.path,
  });
  session.heard({ accessible: true });
  const reader = answer.response.body?.getReader();
  try {
    if (answer.commit !== undefined && answer.commit !== commit) {
      throw integrityError(session, `"${file.path}" came from another commit`);
    }
    if (!continues(answer.response, partial.offset)) {
      onBytes(-partial.offset, 'found');
      // What is on disk beyond is overwritten as the bytes come.
      Object.assign(partial, { hash: startHash(file), offset: 0 });
    }
    for (;;) {
      const { done, value } = await readChunk(reader, session.signal, () => partial.furthest > furthestBefore);
      if (done) break;
      guard.touch();
      if (partial.offset + value.length > file.size) throw new Mismatch('is longer than announced');
      partial.hash.update(value);
      await writeFully(partial.handle, value, partial.offset);
      advance(partial, value.length, (bytes) => onBytes(bytes, 'fetched'));
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
  if (partial.offset < file.size) {
    throw new TransientFailure('the file ended early', { progressed: partial.furthest > furthestBefore });
  }
}

type Chunk = { done: true; value?: undefined } | { done: false; value: Uint8Array };

async function readChunk(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
  signal: AbortSignal,
  progressed: () => boolean,
): Promise<Chunk> {
  if (!reader) return { done: true };
  try {
    const { done, value } = await reader.read();
    return done ? { done: true } : { done: false, value };
  } catch (error) {
    signal.throwIfAborted();
    throw connectionError(error, progressed());
  }
}

/** Whether the answer starts at the offset; false when it is the whole file. */
function continues(response: Response, offset: number): boolean {
  if (response.status === 416) throw new Mismatch('ends before the part still missing');
  if (response.status !== 206) return offset === 0;
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  if (Number(start) === offset) return true;
  throw new Mismatch('was answered with another range');
}

function advance(partial: Partial, bytes: number, onBytes: (bytes: number) => void): void {
  partial.offset += bytes;
  partial.furthest = Math.max(partial.furthest, partial.offset);
  onBytes(bytes);
}

function startHash(file: HubFile): Hash {
  if (file.hash === 'sha256') return createHash('sha256');
  // https://git-scm.com/book/en/v2/Git-Internals-Git-Objects#_object_storage
  return createHash('sha1').update(`blob ${file.size}\0`);
}

async function hasSize(path: string, size: number): Promise<boolean> {
  const found = await stat(path).catch(ignoreMissing);
  return found?.isFile() === true && found.size === size;
}
