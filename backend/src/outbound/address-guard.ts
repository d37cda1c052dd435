/**
 * Decides where the gateway may connect for a caller: by protocol, by host name, and by the addresses a name resolves
 * to at the moment of connecting.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { GatewayError } from '../errors.ts';
import { isPublicAddress } from './public-address.ts';

export interface ResolvedAddress {
  address: string;
  family: number;
}

export interface AddressGuardOptions {
  /** Default: both. */
  protocols?: readonly OutboundProtocol[] | undefined;
  /**
   * `host.example` (or an address), `*.example.com` (its subdomains, not itself), or `*` (every host). Default: `*`.
   * Whom the operator lists by its exact name is trusted, and may have a private address; others may not.
   */
  allowedHosts?: readonly string[] | undefined;
  /** Every host may have any address. */
  allowPrivate?: boolean | undefined;
  /** All addresses of a host name. Default: the operating system's resolver. */
  resolve?: ((host: string) => Promise<ResolvedAddress[]>) | undefined;
  isPublic?: ((address: string) => boolean) | undefined;
}

export type OutboundProtocol = 'http:' | 'https:';

export interface AddressGuard {
  /** Checks what the URL alone tells; resolves no name. @throws AddressRefused */
  check(url: URL): void;
  /**
   * The addresses to connect to: the connection must be made to one of these, without resolving again.
   * One that is not allowed among them refuses them all.
   * @throws AddressRefused, and what the resolver throws.
   */
  resolve(url: URL): Promise<ResolvedAddress[]>;
}

/** The message completes "… was refused: ", is safe for callers and names no resolved address. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

/** What a host may resolve to: any address, public ones, or it may not be asked at all. */
type Trust = 'any' | 'public' | 'none';

const NOT_PUBLIC = 'the host has an address that is not public';

/** @throws Error when an allowed host is neither a host name nor a pattern. */
export function createAddressGuard(options: AddressGuardOptions = {}): AddressGuard {
  const protocols: readonly string[] = options.protocols ?? ['http:', 'https:'];
  const allowedHosts = (options.allowedHosts ?? ['*']).map(normalizePattern);
  const resolve = options.resolve ?? ((host: string) => lookup(host, { all: true }));
  const isPublic = options.isPublic ?? isPublicAddress;

  function trustIn(host: string): Trust {
    if (allowedHosts.includes(host)) return 'any';
    if (!allowedHosts.some((pattern) => matches(host, pattern))) return 'none';
    return options.allowPrivate ? 'any' : 'public';
  }

  function check(url: URL): void {
    if (!protocols.includes(url.protocol)) {
      throw new AddressRefused(`it must begin with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`);
    }
    const host = hostOf(url);
    const trust = trustIn(host);
    if (trust === 'none') throw new AddressRefused('the host is not among those this server may connect to');
    if (trust === 'public' && isIP(host) !== 0 && !isPublic(host)) throw new AddressRefused(NOT_PUBLIC);
  }

  return {
    check,
    async resolve(url) {
      check(url);
      const host = hostOf(url);
      const family = isIP(host);
      const addresses = family === 0 ? await resolve(host) : [{ address: host, family }];
      if (trustIn(host) === 'public' && !addresses.every(({ address }) => isPublic(address))) {
        throw new AddressRefused(NOT_PUBLIC);
      }
      return addresses;
    },
  };
}

/**
 * A caller's address as a URL that the guard has checked as far as can be without resolving.
 * @throws invalid_value, url_not_allowed, with `param`.
 */
export function parseOutboundUrl(value: string, guard: AddressGuard, param: string): URL {
  const url = URL.parse(value);
  if (url === null) {
    throw new GatewayError('invalid_value', { message: `'${param}' must be an absolute URL.`, param });
  }
  try {
    guard.check(url);
  } catch (error) {
    throw error instanceof AddressRefused ? notAllowed(error, param) : error;
  }
  return url;
}

export function notAllowed(refusal: AddressRefused, param: string): GatewayError {
  return new GatewayError('url_not_allowed', {
    message: `'${param}' was refused: ${refusal.message}.`,
    param,
    cause: refusal,
  });
}

/** The host as one connects to it: no brackets around IPv6, no dot at the end. URL has normalised the rest. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$|\.$/g, '');
}

function matches(host: string, pattern: string): boolean {
  return pattern === '*' || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)));
}

function normalizePattern(pattern: string): string {
  const [, wildcard, name = ''] = /^(\*\.)?([^*/\\@?#\s]+)$/.exec(pattern) ?? [];
  const url = URL.parse(`http://${isIP(name) === 6 ? `[${name}]` : name}`);
  if (pattern === '*') return pattern;
  const host = url === null || url.port !== '' ? '' : hostOf(url);
  // An address has no subdomains.
  if (host === '' || (wildcard !== undefined && isIP(host) !== 0)) {
    throw new Error(`"${pattern}" is not a host name, *.domain or *`);
  }
  return `${wildcard ?? ''}${host}`;
}
