/** The name a fetched file has on its server: what Content-Disposition says (RFC 6266), else the end of the path. */
import type { IncomingHttpHeaders } from 'node:http';
import { unescape as percentDecode } from 'node:querystring';

const MAX_LENGTH = 255;

/** A bare name without folders or control characters; undefined when nothing is left. */
export function responseFileName(headers: IncomingHttpHeaders, url: URL): string | undefined {
  const disposition = headers['content-disposition'] ?? '';
  return bareName(dispositionName(disposition)) ?? bareName(percentDecode(url.pathname));
}

function dispositionName(disposition: string): string {
  const encoded = /\bfilename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(disposition)?.[1];
  if (encoded !== undefined) return percentDecode(encoded);
  const quoted = /\bfilename\s*=\s*"((?:[^"\\]|\\.)*)"/i.exec(disposition)?.[1];
  if (quoted !== undefined) return quoted.replace(/\\(.)/g, '$1');
  return /\bfilename\s*=\s*([^\s;"]+)/i.exec(disposition)?.[1] ?? '';
}

function bareName(name: string): string | undefined {
  const bare = name
    .replace(/^.*[/\\]/s, '')
    .replace(/\p{C}/gu, '')
    .trim()
    .slice(0, MAX_LENGTH);
  return bare === '' || bare === '.' || bare === '..' ? undefined : bare;
}
