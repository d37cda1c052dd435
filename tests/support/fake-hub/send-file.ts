/** Sends a file's bytes as the hub and its storage do, with Range, and with the faults ordered for it. */
import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Faults, Moment } from './faults.ts';
import type { HubEntry } from './repo-store.ts';

export interface SendOptions {
  request: IncomingMessage;
  response: ServerResponse;
  entry: HubEntry;
  faults: Faults;
  moment: Moment;
  /** Told of bytes handed to the connection. */
  onBytes(count: number): void;
}

/** First byte and the one after the last, or undefined when there is no such range (RFC 9110 §14). */
function parseRange(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (!match) return { start: 0, end: size };
  const start = Number(match[1]);
  const end = match[2] ? Math.min(size, Number(match[2]) + 1) : size;
  return start < end ? { start, end } : undefined;
}

export async function sendFile(options: SendOptions): Promise<void> {
  const { request, response, entry, faults, moment } = options;
  const asked = request.headers.range;
  const header = asked !== undefined && faults.take('ignore-range', moment) ? undefined : asked;
  const range = parseRange(header, entry.size);
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('content-type', 'application/octet-stream');
  if (!range) {
    response.writeHead(416, { 'content-range': `bytes */${entry.size}` }).end();
    return;
  }
  const { start, end } = range;
  if (header !== undefined) response.setHeader('content-range', `bytes ${start}-${end - 1}/${entry.size}`);
  response.statusCode = header === undefined ? 200 : 206;
  if (request.method === 'HEAD') {
    response.setHeader('content-length', end - start).end();
    return;
  }
  const covered = ({ at }: { at: number }) => at >= start && at < end;
  const corrupt = faults.take('corrupt', moment, covered);
  const cut = faults.take('cut', moment, covered);
  const stall = faults.take('stall', moment, covered);
  const slow = faults.take('slow', moment);
  if (!cut?.clean) response.setHeader('content-length', end - start);
  response.flushHeaders();

  const stop = Math.min(end, cut?.at ?? end, stall?.at ?? end);
  let position = start;
  for await (const chunk of contentOf(entry, start, stop)) {
    const bytes = Buffer.from(chunk);
    if (corrupt && corrupt.at >= position && corrupt.at < position + bytes.length) {
      const index = corrupt.at - position;
      bytes.writeUInt8(bytes.readUInt8(index) ^ 0xff, index);
    }
    position += bytes.length;
    if (!(await write(bytes, options, slow?.bytesPerSecond))) return;
  }
  if (stall) return;
  if (cut && !cut.clean) response.destroy();
  else response.end();
}

async function* contentOf({ content }: HubEntry, start: number, end: number): AsyncGenerator<Uint8Array> {
  if (start >= end) return;
  if ('bytes' in content) yield content.bytes.subarray(start, end);
  else yield* createReadStream(content.file, { start, end: end - 1 });
}

const SLICES_PER_SECOND = 40;

/** False when the other side is gone. */
async function write(bytes: Buffer, { response, onBytes }: SendOptions, bytesPerSecond?: number): Promise<boolean> {
  const slice = bytesPerSecond ? Math.max(1, Math.round(bytesPerSecond / SLICES_PER_SECOND)) : 64 * 1024;
  for (let at = 0; at < bytes.length; at += slice) {
    const part = bytes.subarray(at, at + slice);
    const failed = await new Promise<unknown>((resolve) => {
      response.once('close', resolve);
      response.write(part, (error) => {
        response.off('close', resolve);
        resolve(error);
      });
    });
    if (failed || response.destroyed) return false;
    onBytes(part.length);
    if (bytesPerSecond) await sleep(1000 / SLICES_PER_SECOND);
  }
  return true;
}
