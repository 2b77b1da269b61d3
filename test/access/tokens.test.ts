import { SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { createTokenVerifier } from '../../src/access/tokenVerifier.ts';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { TokenSettings } from '../../src/http/tokenSettings.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import { contextOf, createClock } from '../support/context.ts';
import { cacheStatusOf, createEdge, type Edge, type EdgeOptions } from '../support/edge.ts';
import { type Pushed, pushBlob, rig } from '../support/push.ts';
import { OCI_MANIFEST, pushManifest } from '../support/pushManifest.ts';
import { createScriptedServer } from '../support/scripted.ts';
import { accessTo, createIssuer, ISSUER, type Issuer, SERVICE, verifying } from '../support/tokens.ts';

const HIT = 'registry-edge; hit; detail=durable';
const UNPROVEN = 'registry-edge; fwd=miss; stored; detail=unproven';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const head = (edge: Edge, { path }: Pick<Pushed, 'path'>, token: string) =>
  edge.fetch(path, { method: 'HEAD', headers: bearer(token) });

/** A blob that the edge's store has, since somebody else asked for it, and the number of questions to the origin. */
async function warmBlob(edge: Edge): Promise<Pushed> {
  const blob = await pushBlob();
  expect((await edge.fetch(blob.path, { method: 'HEAD' })).status).toBe(200);
  return blob;
}

/** An edge that verifies the tokens of an issuer, with a blob in its store. */
async function setup(issuer: Pick<Issuer, 'jwks'>, variables: Record<string, string> = {}, options: EdgeOptions = {}) {
  const edge = createEdge(verifying(issuer, variables), options);
  return { edge, blob: await warmBlob(edge) };
}

const [issuer, another] = [await createIssuer(), await createIssuer()];

describe('a token that the edge verifies', () => {
  it.each(['ES256', 'ES384', 'RS256', 'PS512', 'EdDSA'])(
    'with %s is a proof by itself: its first HEAD is a hit',
    async (alg) => {
      const other = await createIssuer(alg);
      const { edge, blob } = await setup(other);
      const asked = await blob.asked();
      for (let n = 0; n < 3; n++) {
        const response = await head(edge, blob, await other.issue(accessTo(blob.name)));
        expect([response.status, cacheStatusOf(response)]).toEqual([200, HIT]);
      }
      expect(await blob.asked()).toBe(asked);
    },
  );

  it.each<[string, Record<string, string>]>([
    ['a key set', { TOKEN_JWKS: issuer.jwks }],
    ['PEM', { TOKEN_JWKS: '', TOKEN_PUBLIC_KEYS: issuer.pem }],
    ['PEM, after another key', { TOKEN_JWKS: '', TOKEN_PUBLIC_KEYS: `${another.pem}\n${issuer.pem}` }],
  ])('may be verified with %s', async (_what, variables) => {
    const { edge, blob } = await setup(issuer, variables);
    expect(cacheStatusOf(await head(edge, blob, await issuer.issue(accessTo(blob.name))))).toBe(HIT);
  });

  it.each([
    ['as distribution writes it', 'PYYO:TEWU:V7JH:26JV:AQTZ:LJC3:SXVJ:XGHA:34F2:2LAQ:ZRMK:Z7Q6'],
    ['that nobody knows', 'unknown'],
    ['that is absent', undefined],
  ])('may have a kid %s', async (_what, kid) => {
    const { edge, blob } = await setup(issuer);
    const token = await issuer.issue(accessTo(blob.name), { kid } as never);
    expect(cacheStatusOf(await head(edge, blob, token))).toBe(HIT);
  });

  it.each([
    ['pull and push', ['pull', 'push'], HIT],
    ['everything', ['*'], HIT],
    ['push alone', ['push'], UNPROVEN],
    ['nothing', [], UNPROVEN],
  ])('proves a pull if it grants %s', async (_what, actions, expected) => {
    const { edge, blob } = await setup(issuer);
    expect(cacheStatusOf(await head(edge, blob, await issuer.issue(accessTo(blob.name, actions))))).toBe(expected);
  });

  it.each<[string, (name: string) => object]>([
    ['another repository', (name) => accessTo(`${name}x`)],
    ['a prefix of the name', (name) => accessTo(name.slice(0, -1))],
    ['the folder above', (name) => accessTo(name.split('/')[0] ?? '')],
    ['a pattern', () => accessTo('*')],
    ['a pattern below', (name) => accessTo(`${name.split('/')[0]}/*`)],
    ['the type registry', (name) => accessTo(name, ['*'], 'registry')],
    ['no access', () => ({})],
    ['an access that is no list', (name) => ({ access: { type: 'repository', name, actions: ['pull'] } })],
    ['actions that are no list', (name) => ({ access: [{ type: 'repository', name, actions: 'pull' }] })],
  ])('proves nothing where it names %s', async (_what, claims) => {
    const { edge, blob } = await setup(issuer);
    const token = await issuer.issue(claims(blob.name) as Record<string, unknown>);
    expect(cacheStatusOf(await head(edge, blob, token))).toBe(UNPROVEN);
  });

  it('expires, with a leeway of a minute, and is then left to the origin', async () => {
    const { edge, blob } = await setup(issuer);
    const exp = Math.floor(edge.clock.now() / 1_000);
    for (const [late, expected] of [
      [59, HIT],
      [61, UNPROVEN],
    ] as const) {
      const token = await issuer.issue({ ...accessTo(blob.name), exp: exp - late });
      expect(cacheStatusOf(await head(edge, blob, token))).toBe(expected);
    }
    const token = await issuer.issue({ ...accessTo(blob.name), exp: exp + 10 });
    expect(cacheStatusOf(await head(edge, blob, token))).toBe(HIT);
    edge.clock.advance(71_000);
    expect(cacheStatusOf(await head(edge, blob, token))).toContain('unproven');
  });

  it('that the origin refuses in a repository is no proof there for a minute', async () => {
    const { edge, blob } = await setup(issuer);
    const token = await issuer.issue(accessTo(blob.name));
    const locked = `/v2/${blob.name}/manifests/locked`;
    await rig.rule({ prefix: locked, status: 403 });
    expect(cacheStatusOf(await head(edge, blob, token))).toBe(HIT);
    expect((await edge.fetch(locked, { headers: bearer(token) })).status).toBe(403);
    await rig.rule({ prefix: blob.path, status: 403, times: 1 });
    expect((await head(edge, blob, token)).status).toBe(403);
    edge.clock.advance(60_000);
    expect(cacheStatusOf(await head(edge, blob, token))).toBe(HIT);
  });

  it('is none together with another identity', async () => {
    const { edge, blob } = await setup(issuer);
    const headers = { ...bearer(await issuer.issue(accessTo(blob.name))), cookie: 'session=1' };
    expect(cacheStatusOf(await edge.fetch(blob.path, { method: 'HEAD', headers }))).toContain('detail=identity');
  });
});

describe('a token that does not verify', () => {
  const forge = async (name: string): Promise<readonly (readonly [string, string])[]> => {
    const now = Math.floor(Date.now() / 1_000);
    const claims = { ...accessTo(name), iss: ISSUER, aud: SERVICE, exp: now + 300 };
    const foreign = await createIssuer();
    const kid = (issuer.jwk as { kid?: string }).kid ?? '';
    const secret = new TextEncoder().encode(issuer.pem);
    const valid = await issuer.issue(accessTo(name));
    const [header, payload, signature] = valid.split('.') as [string, string, string];
    return [
      ['alg none', new UnsecuredJWT(claims).encode()],
      ['HS256 with the public key', await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid }).sign(secret)],
      ['a foreign key', await foreign.issue(accessTo(name), { kid })],
      ['a foreign key in its header', await foreign.issue(accessTo(name), { jwk: foreign.jwk as never })],
      ['a URL of keys in its header', await foreign.issue(accessTo(name), { jku: 'https://evil.test/keys' })],
      ['a certificate in its header', await foreign.issue(accessTo(name), { x5c: ['MIIB'] })],
      ['another audience', await issuer.issue({ ...accessTo(name), aud: 'other.test' })],
      ['another issuer', await issuer.issue({ ...accessTo(name), iss: 'somebody' })],
      ['no expiry', await issuer.issue({ ...accessTo(name), exp: undefined })],
      ['an end 61 s ago', await issuer.issue({ ...accessTo(name), exp: now - 61 })],
      ['a begin in 61 s', await issuer.issue({ ...accessTo(name), nbf: now + 62 })],
      ['other claims under its signature', `${header}.${btoa(JSON.stringify(claims)).replace(/=+$/, '')}.${signature}`],
      ['a cut signature', `${header}.${payload}.${signature.slice(0, -2)}`],
      ['no parts', 'opaque'],
      ['parts that are not JSON', 'a.b.c'],
    ];
  };

  it('is treated as without the edge: the origin judges it, every time', async () => {
    const { edge, blob } = await setup(issuer);
    await rig.rule({
      prefix: blob.path,
      method: 'HEAD',
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="r"' },
    });
    for (const [what, token] of await forge(blob.name)) {
      const answers = [await head(edge, blob, token), await head(edge, blob, token)];
      const seen = answers.map(({ status, headers }) => [
        status,
        headers.get('www-authenticate'),
        headers.get('cache-status'),
      ]);
      expect([what, seen]).toEqual([
        what,
        [
          [401, 'Bearer realm="r"', null],
          [401, 'Bearer realm="r"', null],
        ],
      ]);
    }
  });

  it('of a megabyte is left to the origin unread', async () => {
    const { edge, blob } = await setup(issuer);
    const token = await issuer.issue({ ...accessTo(blob.name), more: 'x'.repeat(1_000_000) });
    // The rigged origin does not read such a header either.
    expect((await head(edge, blob, token)).status).toBe(431);
  });

  it('and other credentials earn their grants from the origin, as before', async () => {
    const { edge, blob } = await setup(issuer);
    for (const authorization of ['Bearer opaque', 'Basic YTpi']) {
      const statuses = [];
      for (let n = 0; n < 2; n++) {
        statuses.push(cacheStatusOf(await edge.fetch(blob.path, { method: 'HEAD', headers: { authorization } })));
      }
      expect(statuses).toEqual([UNPROVEN, HIT]);
    }
  });
});

it('a fault in verifying a token is no proof, and no error to the caller', async () => {
  const keys = { current: () => Promise.reject(new Error('broken')), refreshed: async () => undefined };
  const { upstreams } = parseConfig(
    { ORIGIN_URL: 'https://registry.test', REPOSITORIES: {}, ...verifying(issuer) },
    BACKENDS,
  );
  const verifier = createTokenVerifier(
    upstreams[0].tokens as TokenSettings,
    keys,
    createMemory({ entries: 10, bytes: 100_000 }),
  );
  const ctx = contextOf(createClock(Date.now()));
  expect(await verifier.verify(ctx, await issuer.issue(accessTo('a/b')))).toBe('unverified');
});

describe('PULL_ONLY_SUBJECTS', () => {
  const PULL_ONLY = { PULL_ONLY_SUBJECTS: 'ci-*, team/**', TAG_TTL: '10s' };
  it.each([
    ['ci-reader', true],
    ['team/a/b', true],
    ['ci-a/b', false],
    ['xci-reader', false],
    ['alice', false],
  ])('%s only pulls: %s', async (sub, isPullOnly) => {
    const { edge, blob } = await setup(issuer, PULL_ONLY);
    const token = await issuer.issue({ ...accessTo(blob.name, ['pull', 'push']), sub });
    await head(edge, blob, token);
    // Memory answers only those who never push.
    const status = cacheStatusOf(await head(edge, blob, token));
    expect(status).toBe(isPullOnly ? 'registry-edge; hit; detail=memory' : HIT);
  });

  it('get tags from the cache, and nobody else does', async () => {
    const edge = createEdge(verifying(issuer, PULL_ONLY));
    const manifest = await pushManifest();
    const ask = async (sub: string) => {
      const token = await issuer.issue({ ...accessTo(manifest.name), sub });
      const headers = { ...bearer(token), accept: OCI_MANIFEST };
      return cacheStatusOf(await edge.fetch(manifest.tagPath, { method: 'HEAD', headers }));
    };
    expect(await ask('ci-reader')).toBe('registry-edge; fwd=miss; stored');
    expect(await ask('ci-reader')).toContain('registry-edge; hit');
    expect(await ask('alice')).toContain('fwd=bypass');
  });

  it('get a list from memory, and nobody else does', async () => {
    const edge = createEdge(verifying(issuer, { ...PULL_ONLY, LIST_TTL: '1m' }));
    const { name } = await pushManifest();
    const ask = async (sub: string) => {
      const headers = bearer(await issuer.issue({ ...accessTo(name), sub }));
      return cacheStatusOf(await edge.fetch(`/v2/${name}/tags/list`, { headers }));
    };
    expect(await ask('ci-reader')).toBe('registry-edge; fwd=miss');
    expect(await ask('ci-reader')).toBe('registry-edge; hit');
    expect(await ask('alice')).toBe('registry-edge; fwd=bypass');
  });

  it('get the last good manifest while the origin fails, and nobody else does', async () => {
    const windows = { PUSH_EXISTENCE_TTL: '1s', DESCRIPTOR_TTL: '1s', STALE_IF_ERROR: '1h' };
    const edge = createEdge(verifying(issuer, { ...PULL_ONLY, ...windows }));
    const manifest = await pushManifest();
    const ask = async (sub: string) => {
      const headers = { ...bearer(await issuer.issue({ ...accessTo(manifest.name), sub })), accept: OCI_MANIFEST };
      return (await edge.fetch(manifest.path, { method: 'HEAD', headers })).status;
    };
    expect(await ask('alice')).toBe(200);
    edge.clock.advance(2_000);
    await rig.rule({ prefix: manifest.path, status: 503 });
    expect([await ask('ci-reader'), await ask('alice')]).toEqual([200, 503]);
  });
});

describe('TOKEN_JWKS_URL', () => {
  const verifyingAt = (url: string) => ({ TOKEN_JWKS_URL: url, TOKEN_ISSUER: ISSUER, TOKEN_SERVICE: SERVICE });

  it('is fetched once, and again for a key that is not known, but not twice within 30 s', async () => {
    const [known, later] = [await createIssuer(), await createIssuer()];
    const server = createScriptedServer({ body: known.jwks });
    const edge = createEdge(verifyingAt(server.url));
    const blob = await warmBlob(edge);
    const fetches = async () => (await server.calls()).length;
    for (let n = 0; n < 3; n++) {
      expect(cacheStatusOf(await head(edge, blob, await known.issue(accessTo(blob.name))))).toBe(HIT);
    }
    expect(await fetches()).toBe(1);
    for (let n = 0; n < 3; n++) {
      expect(cacheStatusOf(await head(edge, blob, await later.issue(accessTo(blob.name))))).toBe(UNPROVEN);
    }
    expect(await fetches()).toBe(1);
    edge.clock.advance(30_000);
    await head(edge, blob, await later.issue(accessTo(blob.name)));
    expect(await fetches()).toBe(2);
  });

  it('is fetched past every cache, and follows no redirect', async () => {
    const issuer = await createIssuer();
    const server = createScriptedServer({ body: issuer.jwks });
    const edge = createEdge(verifyingAt(server.url));
    const blob = await warmBlob(edge);
    const fetchSpy = vi.spyOn(globalThis, 'fetch');
    await head(edge, blob, await issuer.issue(accessTo(blob.name)));
    expect(fetchSpy.mock.calls.map(([, options]) => options)).toMatchObject([
      { cache: 'no-store', redirect: 'manual' },
    ]);
    fetchSpy.mockRestore();
  });

  it('is fetched again after ten minutes, for which no request waits until it is twice as old', async () => {
    const known = await createIssuer();
    const server = createScriptedServer({ body: known.jwks, waitMs: 400 });
    const edge = createEdge(verifyingAt(server.url));
    const blob = await warmBlob(edge);
    const exp = Math.floor(edge.clock.now() / 1_000) + 7_200;
    /** Whether the last fetch was over when the edge answered. */
    const fetchedBefore = async () => {
      const headers = bearer(await known.issue({ ...accessTo(blob.name), exp }));
      const { answer, over } = edge.send(blob.path, { method: 'HEAD', headers });
      expect(cacheStatusOf(await answer)).toMatch(/^registry-edge; hit/);
      const { outcome } = (await server.calls()).at(-1) ?? {};
      await over;
      return outcome === 'answered';
    };
    expect(await fetchedBefore()).toBe(true);
    edge.clock.advance(600_000);
    expect(await fetchedBefore()).toBe(false);
    edge.clock.advance(1_200_000);
    expect(await fetchedBefore()).toBe(true);
    expect(await server.calls()).toHaveLength(3);
  });

  it.each([
    ['that answers 500', { status: 500, body: issuer.jwks }],
    ['that answers no key set', { body: '{}' }],
    ['that holds a secret', { body: '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}' }],
    ['that is too large', { body: `{"more":"{long}",${issuer.jwks.slice(1)}`, long: 64 * 1024 }],
    ['that closes the connection', { instead: 'close' as const }],
  ])('%s verifies nothing, and breaks nothing', async (_what, script) => {
    const edge = createEdge(verifyingAt(createScriptedServer(script).url));
    const blob = await warmBlob(edge);
    expect(cacheStatusOf(await head(edge, blob, await issuer.issue(accessTo(blob.name))))).toBe(UNPROVEN);
    expect(edge.log.join('\n')).toContain('TOKEN_JWKS_URL');
  });
});
