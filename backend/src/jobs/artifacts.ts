/**
 * Files that jobs take in and leave, by key. On a local disk here; a store elsewhere would implement the same interface.
 * A key is made by the gateway, never from what a caller sent.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GatewayError } from '../errors.ts';
import { syncFolder } from '../sync-folder.ts';

export interface StoredFile {
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
}

export interface ArtifactStore {
  /** Durable when it resolves. A file that is there already stays: equal keys mean equal contents. */
  put(key: string, content: Readable | string): Promise<StoredFile>;
  /** As `put`, of a file on this machine, which is moved where that is possible. */
  putFile(key: string, path: string): Promise<void>;
  /** Bytes from `start` to `end`, both included. @throws not_found */
  get(key: string, range?: { start: number; end: number }): Promise<Readable>;
  /** A path the workers can read. @throws not_found */
  localPath(key: string): Promise<string>;
  delete(key: string): Promise<void>;
  list(prefix: string): AsyncIterable<{ key: string; modifiedAt: Date }>;
}

const KEY = /^[a-z0-9_-]+(\/[a-z0-9_-][a-z0-9._-]*)+$/i;
const PARTIAL = '.partial';

export class LocalArtifacts implements ArtifactStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async put(key: string, content: Readable | string): Promise<StoredFile> {
    const path = this.#path(key);
    const temporary = await this.#temporary(path);
    const hash = createHash('sha256');
    let bytes = 0;
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        bytes += chunk.length;
        done(null, chunk);
      },
    });
    try {
      const source = typeof content === 'string' ? Readable.from([Buffer.from(content)]) : content;
      await pipeline(source, measure, createWriteStream(temporary, { flags: 'r+', flush: true }));
      await rename(temporary, path);
      await syncFolder(dirname(path));
    } catch (error) {
      throw fullDisk(error);
    } finally {
      await rm(temporary, { force: true });
    }
    return { bytes, sha256: hash.digest('hex') };
  }

  async putFile(key: string, source: string): Promise<void> {
    const path = this.#path(key);
    const temporary = await this.#temporary(path);
    try {
      await rename(source, temporary).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EXDEV') throw error;
        return copyFile(source, temporary);
      });
      {
        await using file = await open(temporary, 'r');
        await file.sync();
      }
      await rename(temporary, path);
      await syncFolder(dirname(path));
    } catch (error) {
      throw fullDisk(error);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async get(key: string, range?: { start: number; end: number }): Promise<Readable> {
    return createReadStream(await this.localPath(key), range);
  }

  async localPath(key: string): Promise<string> {
    const path = this.#path(key);
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) {
      throw new GatewayError('artifact_not_found', { message: 'The file has been deleted.', detail: key });
    }
    return path;
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    await rm(path, { force: true });
    // Its folder too, when that was the last.
    await rmdir(dirname(path)).catch(() => {});
  }

  async *list(prefix: string): AsyncGenerator<{ key: string; modifiedAt: Date }> {
    const entries = await readdir(join(this.#root, prefix), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const found = await stat(path).catch(() => undefined);
      if (found !== undefined) yield { key: relative(this.#root, path).split(sep).join('/'), modifiedAt: found.mtime };
    }
  }

  #path(key: string): string {
    if (!KEY.test(key)) throw new Error(`"${key}" is no key of the artifact store`);
    return join(this.#root, key);
  }

  /** A new, empty file beside it: from here on nobody finds the folder empty and removes it. */
  async #temporary(path: string): Promise<string> {
    const temporary = `${path}.${randomUUID()}${PARTIAL}`;
    for (;;) {
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await using _ = await open(temporary, 'wx', 0o600);
        return temporary;
      } catch (error) {
        // Whoever deleted its last file was faster.
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw fullDisk(error);
      }
    }
  }
}

function fullDisk(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new GatewayError('insufficient_storage', {
    message: 'The server has too little free disk space to keep this file.',
    cause: error,
  });
}
