import { describe, expect, it } from 'vitest';
import { createAddressGuard, parseOutboundUrl } from '../../backend/src/outbound/address-guard.ts';
import { createWebhookGuard } from '../../backend/src/outbound/deliver-webhook.ts';
import { scriptedResolver } from './local-server.ts';

const guard = createAddressGuard();
const refusal = expect.objectContaining({ code: 'url_not_allowed', status: 400, param: 'url' });

function thrownBy(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('what the URL alone tells', () => {
  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.0.0.1/',
    'http://0177.0.0.1/',
    'http://127.0.0.1./',
    'http://１２７.0.0.1/',
    'http://%31%32%37.0.0.1/',
    'http://0/',
    'https://user:pass@10.0.0.1:8443/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:8.8.8.8]/',
    'http://[0:0:0:0:0:ffff:7f00:1]/',
    'http://[64:ff9b::10.0.0.1]/',
    'http://[fd00:ec2::254]/',
  ])('%s is refused without resolving anything', (url) => {
    expect(thrownBy(() => parseOutboundUrl(url, guard, 'url'))).toEqual(refusal);
  });

  it.each(['ftp://example.com/a.wav', 'file:///etc/passwd', 'data:audio/wav;base64,AAAA', 'gopher://example.com/'])(
    '%s has a protocol that is refused',
    (url) => expect(thrownBy(() => parseOutboundUrl(url, guard, 'url'))).toEqual(refusal),
  );

  it.each(['', 'example.com/a.wav', '//example.com', 'http://', 'http://[fe80::1%25eth0]/'])(
    '"%s" is no URL',
    (url) => {
      expect(thrownBy(() => parseOutboundUrl(url, guard, 'webhook_url'))).toMatchObject({
        code: 'invalid_value',
        param: 'webhook_url',
      });
    },
  );

  it('a public address or any host name passes', () => {
    for (const url of ['http://8.8.8.8/', 'https://[2606:4700::1111]/', 'https://example.com/', 'http://localhost/']) {
      expect(parseOutboundUrl(url, guard, 'url').href).toBe(url);
    }
  });
});

describe('what a name resolves to', () => {
  const resolving = (addresses: string[], options = {}) => {
    const { resolve } = scriptedResolver({ 'a.example': [addresses], 'b.a.example': [addresses] });
    return createAddressGuard({ resolve, ...options });
  };
  const a = new URL('http://a.example/');

  it('every address must be public', async () => {
    expect(await resolving(['8.8.8.8', '1.1.1.1']).resolve(a)).toHaveLength(2);
    await expect(resolving(['8.8.8.8', '10.0.0.1']).resolve(a)).rejects.toThrow('not public');
    await expect(resolving(['169.254.169.254']).resolve(a)).rejects.toThrow(
      /^the host has an address that is not public$/,
    );
  });

  it('the resolver of the operating system is the default, and localhost is refused by it', async () => {
    await expect(guard.resolve(new URL('http://localhost./'))).rejects.toThrow('not public');
  });

  it('a literal address is not resolved', async () => {
    const { resolve, asked } = scriptedResolver({});
    const literal = createAddressGuard({ resolve });
    expect(await literal.resolve(new URL('http://[2606:4700::1111]/'))).toEqual([
      { address: '2606:4700::1111', family: 6 },
    ]);
    await expect(literal.resolve(new URL('http://[::1]/'))).rejects.toThrow('not public');
    expect(asked).toEqual([]);
  });

  it('a host allowed by its exact name may be private, one allowed by a pattern may not', async () => {
    expect(await resolving(['10.0.0.1'], { allowedHosts: ['A.Example'] }).resolve(a)).toHaveLength(1);
    expect(await resolving(['10.0.0.1'], { allowedHosts: ['*', 'a.example'] }).resolve(a)).toHaveLength(1);
    await expect(resolving(['10.0.0.1'], { allowedHosts: ['*.example'] }).resolve(a)).rejects.toThrow('not public');
    await expect(resolving(['10.0.0.1'], { allowedHosts: ['*'] }).resolve(a)).rejects.toThrow('not public');
    // A subdomain is another host.
    const below = resolving(['10.0.0.1'], { allowedHosts: ['a.example'] }).resolve(new URL('http://b.a.example/'));
    await expect(below).rejects.toThrow('not among');
  });
});

describe('allowed hosts', () => {
  const allows = (allowedHosts: string[], url: string) =>
    thrownBy(() => createAddressGuard({ allowedHosts }).check(new URL(url))) === undefined;

  it.each([
    [['cdn.example'], 'https://cdn.example/', true],
    [['cdn.example'], 'https://CDN.example.:8443/', true],
    [['cdn.example.'], 'https://cdn.example/', true],
    [['cdn.example'], 'https://xcdn.example/', false],
    [['cdn.example'], 'https://cdn.example.evil.test/', false],
    [['cdn.example'], 'https://cdn.example@evil.test/', false],
    [['*.cdn.example'], 'https://eu.cdn.example/', true],
    [['*.cdn.example'], 'https://a.b.cdn.example/', true],
    [['*.cdn.example'], 'https://cdn.example/', false],
    [['*.cdn.example'], 'https://evilcdn.example/', false],
    [['bücher.example'], 'https://xn--bcher-kva.example/', true],
    [['10.0.0.5'], 'http://10.0.0.5/', true],
    [['10.0.0.5'], 'http://0x0a000005/', true],
    [['10.0.0.5'], 'http://10.0.0.6/', false],
    [['[fd00::5]'], 'http://[fd00::5]/', true],
    [['fd00::5'], 'http://[fd00::5]/', true],
    [['*'], 'http://8.8.8.8/', true],
    [['*'], 'http://10.0.0.5/', false],
    [[], 'https://cdn.example/', false],
  ])('%j: %s %s', (allowedHosts, url, expected) => expect(allows(allowedHosts, url)).toBe(expected));

  it.each([
    'https://cdn.example',
    'cdn.example:8080',
    'cdn.*.example',
    '*.',
    '*.3.4',
    '*.10.0.0.5',
    '',
    'a b',
    'a/b',
    'a\\b',
    'u@a',
  ])('"%s" is no host', (pattern) =>
    expect(() => createAddressGuard({ allowedHosts: [pattern] })).toThrow('is not a host name'),
  );
});

describe('webhooks', () => {
  const refused = (allowPrivate: boolean, url: string) =>
    thrownBy(() => createWebhookGuard(allowPrivate).check(new URL(url))) !== undefined;

  it('go to public addresses by HTTPS; the exception for tests opens plain HTTP and every address', () => {
    expect(refused(false, 'https://hooks.example/')).toBe(false);
    expect(refused(false, 'http://hooks.example/')).toBe(true);
    expect(refused(false, 'https://127.0.0.1/')).toBe(true);
    expect(refused(true, 'http://127.0.0.1/')).toBe(false);
    expect(refused(true, 'ftp://127.0.0.1/')).toBe(true);
  });
});
