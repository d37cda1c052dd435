/** Requests with headers that fetch does not let one set, held against the OpenAPI document like all others. */
import type { ApiCheck } from '../support/openapi-check.ts';
import { exchange, type RawResponse } from '../support/wire-replay.ts';

export interface RawRequest {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  /** Written after the headers as it is; the headers must say how long it is. */
  body?: string;
}

export interface RawApi {
  url: string;
  check: ApiCheck['check'];
}

/** Sends the request and returns its one answer; interim ones (1xx) stand in `interim`. */
export async function ask(
  { url, check }: RawApi,
  { method = 'GET', path, headers = {}, body = '' }: RawRequest,
): Promise<RawResponse & { interim: number[] }> {
  const all = Object.entries({ Host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}`);
  const head = [`${method} ${path} HTTP/1.1`, ...all, '', ''].join('\r\n');
  const { responses } = await exchange(url, [head + body], { untilAnswered: true, head: method === 'HEAD' });
  const [answer, ...others] = responses.filter(({ status }) => status >= 200);
  if (answer === undefined || others.length > 0) throw new Error(`${others.length + 1} answers instead of one`);
  check({ method, path: path.split('?')[0] ?? path, ...answer }, answer.body);
  return { ...answer, interim: responses.map(({ status }) => status).filter((status) => status < 200) };
}

/** The code of an error answer. */
export function codeOf({ body }: RawResponse): string {
  return JSON.parse(body).error.code;
}
