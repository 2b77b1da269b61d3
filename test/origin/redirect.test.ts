import { describe, expect, it } from 'vitest';
import { redirectTarget } from '../../src/origin/redirect.ts';

const FROM = new URL('https://registry.example.com/v2/a/blobs/sha256:x');
const policy = { origin: new URL('https://registry.example.com'), hosts: undefined };
const to = (location: string) => new Response(null, { status: 307, headers: { location } });

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
  ])('from a public origin to %s: %s', (location, expected) => {
    expect(redirectTarget(to(location), FROM, policy)?.href).toBe(expected);
  });

  it('lets a private origin redirect to private addresses', () => {
    const home = { origin: new URL('http://10.0.0.5:5000'), hosts: undefined };
    expect(redirectTarget(to('http://10.0.0.6:9000/x'), FROM, home)?.host).toBe('10.0.0.6:9000');
  });

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://[fd00:ec2::254]/latest/meta-data',
    'http://metadata.google.internal/computeMetadata/v1',
    'http://100.100.100.200/latest/meta-data',
  ])('leads no origin to the metadata of a cloud, a private one neither: %s', (location) => {
    for (const hosts of [undefined, [new URL(location).hostname]]) {
      const home = { origin: new URL('http://registry.default.svc:5000'), hosts };
      expect(redirectTarget(to(location), FROM, home)).toBeUndefined();
    }
  });

  it.each([
    ['https://a.cdn.example.com/x', true],
    ['https://cdn.example.com/x', false],
    ['https://store.example.com/x', true],
    ['https://evilstore.example.com/x', false],
    ['https://store.example.com.evil.test/x', false],
  ])('follows only listed hosts: %s', (location, allowed) => {
    const hosts = ['store.example.com', '*.cdn.example.com'];
    expect(redirectTarget(to(location), FROM, { ...policy, hosts }) !== undefined).toBe(allowed);
  });
});
