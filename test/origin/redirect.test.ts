import { describe, expect, it } from 'vitest';
import { redirectTarget } from '../../src/origin/redirect.ts';

const FROM = new URL('https://registry.example.com/v2/a/blobs/sha256:x');
const policy = { origin: new URL('https://registry.example.com'), hosts: undefined };
const redirectTo = (location: string) => new Response(null, { status: 307, headers: { location } });

describe('redirectTarget', () => {
  it.each([
    ['https://storage.example.com/x?sig=1', 'https://storage.example.com/x?sig=1'],
    ['/elsewhere', 'https://registry.example.com/elsewhere'],
    ['http://storage.example.com/x', undefined],
    ['https://127.0.0.1/x', undefined],
    ['https://0x7f.1/x', undefined],
    ['https://2130706433/x', undefined],
    ['https://10.1.2.3/x', undefined],
    ['https://172.20.0.1/x', undefined],
    ['https://169.254.169.254/latest/meta-data', undefined],
    ['https://[::1]/x', undefined],
    ['https://[::ffff:10.0.0.1]/x', undefined],
    ['https://[fd00::1]/x', undefined],
    ['https://198.18.0.1/x', undefined],
    ['https://localhost/x', undefined],
    ['https://metadata.google.internal/x', undefined],
    ['https://intranet/x', undefined],
    ['https://intranet./x', undefined],
    ['https://minio.storage.svc/x', undefined],
    ['https://168.63.129.16/metadata', undefined],
    ['https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/x', undefined],
    ['https://user@storage.example.com/x', undefined],
    ['https://', undefined],
  ])('a public origin may redirect to %s: %s', (location, expected) => {
    expect(redirectTarget(redirectTo(location), FROM, policy)?.href).toBe(expected);
  });

  it('a private origin may redirect to private addresses', () => {
    const privatePolicy = { origin: new URL('http://10.0.0.5:5000'), hosts: undefined };
    expect(redirectTarget(redirectTo('http://10.0.0.6:9000/x'), FROM, privatePolicy)?.host).toBe('10.0.0.6:9000');
  });

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://[fd00:ec2::254]/latest/meta-data',
    'http://metadata.google.internal/computeMetadata/v1',
    'http://100.100.100.200/latest/meta-data',
  ])('no origin may redirect to a metadata service, not even a private one: %s', (location) => {
    for (const hosts of [undefined, [new URL(location).hostname]]) {
      const privatePolicy = { origin: new URL('http://registry.default.svc:5000'), hosts };
      expect(redirectTarget(redirectTo(location), FROM, privatePolicy)).toBeUndefined();
    }
  });

  it.each([
    ['https://a.cdn.example.com/x', true],
    ['https://cdn.example.com/x', false],
    ['https://store.example.com/x', true],
    ['https://evilstore.example.com/x', false],
    ['https://store.example.com.evil.test/x', false],
  ])('with a list, %s is allowed: %s', (location, allowed) => {
    const hosts = ['store.example.com', '*.cdn.example.com'];
    expect(redirectTarget(redirectTo(location), FROM, { ...policy, hosts }) !== undefined).toBe(allowed);
  });
});
