/**
 * Servers on two loopback addresses: in these tests 127.0.0.1 counts as public and 127.0.0.2 as private, so that
 * what is refused could really have been reached.
 */
import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { listen, portOf, stop } from '../support/fake-hub/listening.ts';
import type { Certificate } from '../support/self-signed-certificate.ts';

export const PUBLIC = '127.0.0.1';
export const PRIVATE = '127.0.0.2';
export const isPublic = (address: string) => address === PUBLIC;

export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export type Handler = (response: ServerResponse, request: Received, count: number) => void | Promise<void>;

export interface LocalServer {
  port: number;
  /** With the address as host. */
  url: string;
  requests: Received[];
}

/** Closed when the test ends. `count` of the handler is 1 for the first request. */
export async function startServer(
  handler: Handler,
  { host = PUBLIC, certificate, port = 0 }: { host?: string; certificate?: Certificate; port?: number } = {},
): Promise<LocalServer> {
  const requests: Received[] = [];
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const body = (await buffer(request)).toString();
    const received = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
    requests.push(received);
    await handler(response, received, requests.length);
  };
  const server = certificate ? createHttpsServer(certificate, listener) : createHttpServer(listener);
  await listen(server, host, port);
  onTestFinished(() => stop(server));
  const actual = portOf(server);
  return { port: actual, url: `${certificate ? 'https' : 'http'}://${host}:${actual}`, requests };
}

/** A resolver that gives each name its answers in turn, the last one for ever, and notes what it was asked. */
export function scriptedResolver(answers: Record<string, string[][]>) {
  const asked: string[] = [];
  const resolve = async (host: string) => {
    const turns = answers[host];
    const turn = asked.filter((earlier) => earlier === host).length;
    asked.push(host);
    const addresses = turns?.[Math.min(turn, turns.length - 1)];
    if (addresses === undefined) throw Object.assign(new Error(`no ${host} here`), { code: 'ENOTFOUND' });
    return addresses.map((address) => ({ address, family: 4 }));
  };
  return { resolve, asked };
}
