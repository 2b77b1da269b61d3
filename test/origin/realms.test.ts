import { describe, expect, it } from 'vitest';
import { allowedRealm, hostOfRealm } from '../../src/origin/realms.ts';

/** An origin, a realm, and the hosts that are allowed. */
type Row = [origin: string, realm: string, allowed?: string[]];

const ALLOWED: Row[] = [
  ['https://ghcr.io', 'https://ghcr.io/token'],
  ['https://quay.io', 'https://quay.io/v2/auth'],
  ['https://registry.example.com:5000', 'https://registry.example.com:5000/token?a=b'],
  ['https://registry-1.docker.io', 'https://auth.docker.io/token'],
  ['https://registry.gitlab.com', 'https://gitlab.com/jwt/auth'],
  ['https://registry.example.com', 'https://auth.example.com/token', ['auth.example.com']],
  ['https://registry.example.com', 'https://auth.example.com:8443/token', ['auth.example.com:8443']],
  ['https://registry.example.com', 'https://auth.example.com/token', ['auth.example.com:443']],
  ['http://127.0.0.1:5000', 'http://localhost/token', ['localhost:80']],
  ['https://10.0.0.1', 'https://10.0.0.2/token', ['10.0.0.2']],
  ['http://127.0.0.1:5000', 'http://127.0.0.1:5000/token'],
  ['http://127.0.0.1:5000', 'http://localhost:5001/token', ['localhost:5001']],
];

const REFUSED: [why: string, ...row: Row][] = [
  ['another host', 'https://registry.example.com', 'https://auth.example.com/token'],
  ['a name below the own host', 'https://example.com', 'https://auth.example.com/token'],
  ['another port of the own host', 'https://registry.example.com', 'https://registry.example.com:8443/token'],
  ['the pair of another registry', 'https://registry.example.com', 'https://auth.docker.io/token'],
  ['an allowed host at another port', 'https://r.example.com', 'https://a.example.com:1/token', ['a.example.com']],
  ['the port of http', 'https://registry.example.com', 'https://auth.example.com/token', ['auth.example.com:80']],
  ['http', 'https://registry.example.com', 'http://registry.example.com/token'],
  ['http to an allowed host', 'https://registry.example.com', 'http://a.example.com/token', ['a.example.com']],
  ['http where the origin has http', 'http://registry.example.com', 'http://registry.example.com/token'],
  ['this machine for a public origin', 'https://r.example.com', 'http://localhost/token', ['localhost']],
  ['a private address for a public origin', 'https://r.example.com', 'https://10.0.0.2/token', ['10.0.0.2']],
  ['the metadata service', 'http://127.0.0.1:5000', 'https://169.254.169.254/token', ['169.254.169.254']],
  ['a user', 'https://ghcr.io', 'https://user@ghcr.io/token'],
  ['a password', 'https://ghcr.io', 'https://:secret@ghcr.io/token'],
  ['a fragment', 'https://ghcr.io', 'https://ghcr.io/token#a'],
  ['no URL', 'https://ghcr.io', '/token'],
  ['another scheme', 'https://ghcr.io', 'file:///token'],
  ['a host that only looks allowed', 'https://r.example.com', 'https://a.example.com.evil.test', ['a.example.com']],
];

describe('allowedRealm', () => {
  it.each(ALLOWED)('at %s allows %s', (origin, realm, allowed = []) => {
    expect(allowedRealm(realm, { origin: new URL(origin), allowed })?.href).toBe(realm);
  });

  it.each(REFUSED)('refuses %s: at %s, %s', (_why, origin, realm, allowed = []) => {
    expect(allowedRealm(realm, { origin: new URL(origin), allowed })).toBeUndefined();
  });

  it('a refused realm is named as the variable would name it', () => {
    expect(hostOfRealm('https://auth.example.com:8443/token?secret')).toBe('auth.example.com:8443');
    expect(hostOfRealm('no url')).toMatch(/no URL/);
  });
});
