/** Receives a multipart upload: streamed to a folder of its own, under every limit, gone when the request is over. */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Request, Response } from 'express';
import multer, { MulterError } from 'multer';
import { GatewayError } from '../errors.ts';
import { diskFull, requireFreeSpace } from '../free-space.ts';
import { hashFile } from '../hash-file.ts';
import { acceptBody } from './expect-continue.ts';
import { contextOf } from './request-context.ts';
import type { Spool } from './spool.ts';

export interface UploadOptions {
  spool: Spool;
  /** Of all files of a request together. */
  maxFileBytes: number;
  maxConcurrent: number;
  /** Free bytes that must stay on the spool's volume. */
  minFreeBytes: number;
  /** Told of every piece of a body that comes in. */
  onReceived?(bytes: number): void;
}

export interface UploadedFile {
  path: string;
  bytes: number;
  /** Hexadecimal; read from the disk when it is first asked for, since most requests need none. */
  sha256(): Promise<string>;
  /** What the client calls it: to be shown, never to be a path. */
  name: string | undefined;
  /** The name of its part. */
  field: string;
}

/** Which parts of a request may be files, and how many. */
export interface FileParts {
  names: readonly string[];
  max: number;
}

export interface Upload {
  /** The first of `files`; undefined when the request had none. */
  file: UploadedFile | undefined;
  /** On disk, in the order in which they came. */
  files: readonly UploadedFile[];
  /** The request's own folder, gone when the handler is done. */
  dir: string;
  /** Text fields, nested as their names say (`a[]`, `a[b]`). */
  fields: Readonly<Record<string, unknown>>;
}

/** Fields around the file: prompts and reference clips as data URLs, so far above busboy's 1 MiB. */
const MAX_FIELD_BYTES = 8 * 2 ** 20;
const MAX_FIELDS = 200;
/** All parts but the files together; they are held in memory. */
const MAX_FIELDS_TOTAL_BYTES = 48 * 2 ** 20;
const DISK_CHECK_INTERVAL_BYTES = 16 * 2 ** 20;
/** A client that sends nothing for so long has gone. */
const STALLED_UPLOAD_MS = 60_000;
const DRAIN_POLL_MS = 20;
const ONE_FILE: FileParts = { names: ['file'], max: 1 };

export type UploadHandler = (upload: Upload) => Promise<void>;

export interface UploadReceiver {
  /**
   * Receives the request's upload, calls the handler with it, and removes it afterwards.
   * @param parts default: one part named "file".
   * @throws invalid_multipart, request_too_large, insufficient_storage, server_is_overloaded, shutting_down,
   * invalid_value (a field).
   */
  receive(request: Request, response: Response, handle: UploadHandler, parts?: FileParts): Promise<void>;
  /** Takes no more uploads, and waits for those begun and their handlers, at most until `deadline` (ms since the epoch). */
  drain(deadline: number): Promise<void>;
}

export function createUploadReceiver(options: UploadOptions): UploadReceiver {
  let active = 0;
  let handled = 0;
  let draining = false;

  async function receiveAndHandle(
    request: Request,
    response: Response,
    handle: UploadHandler,
    parts: FileParts = ONE_FILE,
  ): Promise<void> {
    refuseEarly(request, options.maxFileBytes);
    if (draining) {
      throw new GatewayError('shutting_down', { message: 'The server is shutting down.', retryAfterSeconds: 1 });
    }
    if (active >= options.maxConcurrent) {
      throw new GatewayError('server_is_overloaded', {
        message: `The server is receiving ${active} uploads, which is its limit. Try again shortly.`,
        retryAfterSeconds: 1,
      });
    }
    active += 1;
    handled += 1;
    let uploading = true;
    const finishUploading = () => {
      if (uploading) active -= 1;
      uploading = false;
    };
    try {
      await requireFreeSpace(options.spool.dir, options.minFreeBytes, Number(request.headers['content-length'] ?? 0));
      const folder = await options.spool.createFolder();
      try {
        const upload = await receive(request, response, folder.dir, { ...options, parts });
        finishUploading();
        await handle(upload);
      } finally {
        await folder.remove();
      }
    } finally {
      finishUploading();
      handled -= 1;
    }
  }

  return {
    receive: receiveAndHandle,
    async drain(deadline) {
      draining = true;
      while (handled > 0 && Date.now() < deadline) await sleep(DRAIN_POLL_MS);
    },
  };
}

/** What the headers alone give away, before a byte of the body is read. */
function refuseEarly(request: Request, maxFileBytes: number): void {
  if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')) throw notMultipart();
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxFileBytes + MAX_FIELDS_TOTAL_BYTES) throw tooLarge(maxFileBytes);
}

function receive(
  request: Request,
  response: Response,
  dir: string,
  { parts, ...options }: UploadOptions & { parts: FileParts },
): Promise<Upload> {
  const { signal } = contextOf(response);
  const writing = new AbortController();
  return new Promise<Request>((resolve, reject) => {
    const received = { files: 0, total: 0 };
    const fail = (error: GatewayError) => {
      reject(error);
      // Nothing feeds the file any more: without this it would stay open.
      writing.abort();
    };
    const leave = () =>
      fail(new GatewayError('client_closed_request', { message: 'The client closed the connection.' }));
    // multer never calls back for a request whose connection was gone before it came in.
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    const storage = createStorage({ dir, limits: options, received, fail, signal: writing.signal });
    const middleware = multer({
      storage,
      defParamCharset: 'utf8',
      limits: {
        fileSize: options.maxFileBytes,
        files: parts.max,
        fields: MAX_FIELDS,
        parts: MAX_FIELDS + parts.max,
        fieldSize: MAX_FIELD_BYTES,
        fieldNestingDepth: 3,
        fieldArrayIndexLimit: MAX_FIELDS,
      },
      fileFilter: (_request, { fieldname }, done) => {
        if (parts.names.includes(fieldname)) done(null, true);
        else done(new MulterError('LIMIT_UNEXPECTED_FILE', fieldname));
      },
    }).any();
    request.setTimeout(STALLED_UPLOAD_MS, () => request.destroy());
    acceptBody(request, response);
    middleware(request, response, (error: unknown) => {
      request.setTimeout(0);
      signal.removeEventListener('abort', leave);
      if (error === undefined || error === null) resolve(request);
      else if (request.destroyed && !request.complete) leave();
      else reject(fromMulter(error, options.maxFileBytes, parts));
    });
    // Beside multer's own pipe, which sets the pace.
    request.on('data', (chunk: Buffer) => {
      received.total += chunk.length;
      options.onReceived?.(chunk.length);
      if (received.total - received.files > MAX_FIELDS_TOTAL_BYTES) fail(fieldsTooLarge());
    });
  }).then((received) => toUpload(received, dir));
}

function toUpload(request: Request, dir: string): Upload {
  const fields: Record<string, unknown> | undefined = request.body;
  // multer takes a request without a body, or with a type it cannot read, for none of its business.
  if (fields === undefined) throw notMultipart();
  const files = Array.isArray(request.files) ? request.files.map(toFile) : [];
  return { file: files[0], files, fields, dir };
}

function toFile({ path, size, originalname, fieldname }: Express.Multer.File): UploadedFile {
  let hash: Promise<string> | undefined;
  const sha256 = () => (hash ??= hashFile(path));
  return { path, bytes: size, sha256, name: originalname || undefined, field: fieldname };
}

interface StorageOptions {
  dir: string;
  limits: UploadOptions;
  /** Bytes of the files so far. */
  received: { files: number };
  fail: (error: GatewayError) => void;
  /** Closes the files when the request has failed. */
  signal: AbortSignal;
}

/**
 * multer answers an error only when it has drained the request, however long that is; a file over the limit or a disk
 * that runs full is reported through `fail` at once.
 */
function createStorage({ dir, limits, received, fail, signal }: StorageOptions): multer.StorageEngine {
  let count = 0;
  return {
    _handleFile(_request, file, done) {
      if (signal.aborted) return done(signal.reason);
      const path = join(dir, `audio-${count}`);
      count += 1;
      let size = 0;
      let checkedAt = received.files;
      file.stream.once('limit', () => fail(tooLarge(limits.maxFileBytes, file.fieldname)));
      // Beside the pipe: with a stage of its own in between, every chunk would be written by itself.
      file.stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        received.files += chunk.length;
        if (received.files > limits.maxFileBytes) fail(tooLarge(limits.maxFileBytes, file.fieldname));
        if (received.files - checkedAt < DISK_CHECK_INTERVAL_BYTES) return;
        checkedAt = received.files;
        requireFreeSpace(limits.spool.dir, limits.minFreeBytes).catch(fail);
      });
      pipeline(file.stream, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal }).then(
        () => done(null, { path, size }),
        (error: NodeJS.ErrnoException) => {
          const failure = error.code === 'ENOSPC' ? diskFull() : error;
          if (failure instanceof GatewayError) fail(failure);
          done(failure);
        },
      );
    },
    // The whole folder goes with the request.
    _removeFile: (_request, _file, done) => done(null),
  };
}

function notMultipart(): GatewayError {
  return new GatewayError('invalid_multipart', {
    message: 'The request body must be multipart/form-data with the audio in a part named "file".',
  });
}

function tooLarge(limit: number, param = 'file'): GatewayError {
  return new GatewayError('request_too_large', {
    message: `Maximum content size limit (${limit}) exceeded. Send a smaller file, or a compressed one.`,
    param,
  });
}

function fieldsTooLarge(): GatewayError {
  return new GatewayError('request_too_large', {
    message: `Maximum content size limit (${MAX_FIELDS_TOTAL_BYTES}) exceeded by the fields beside the file.`,
  });
}

function fromMulter(error: unknown, maxFileBytes: number, { names, max }: FileParts): GatewayError {
  if (error instanceof GatewayError) return error;
  if (!(error instanceof MulterError)) {
    // busboy's own: no boundary, a body cut short, a malformed part header.
    const reason = error instanceof Error ? error.message : 'malformed';
    return new GatewayError('invalid_multipart', {
      message: `Could not parse multipart form: ${reason}.`,
      cause: error,
    });
  }
  if (error.code === 'LIMIT_FILE_SIZE') return tooLarge(maxFileBytes, error.field);
  if (error.code === 'LIMIT_UNEXPECTED_FILE' || error.code === 'LIMIT_FILE_COUNT') {
    return new GatewayError('invalid_value', {
      message:
        max === 1
          ? 'Send exactly one file, in the part named "file".'
          : `Send at most ${max} files, in parts named ${names.map((name) => `"${name}"`).join(' or ')}.`,
      param: error.field ?? names[0],
    });
  }
  return new GatewayError('invalid_multipart', {
    message: `Could not parse multipart form: ${error.message}${error.field === undefined ? '' : ` ("${error.field}")`}.`,
    param: error.field,
  });
}
