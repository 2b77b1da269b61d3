import { beforeAll, expect, test } from 'vitest';
import { image, publish } from './support/contents.ts';
import { adviceOf, examine, problemsOf } from './support/doctor.ts';
import { startRecordingServer } from './support/hubs/recording.ts';
import { makeImage } from './support/image.ts';
import { startObjectStorage } from './support/objectStorage.ts';
import { startCountingProxy } from './support/proxy.ts';
import { type Registry, startRegistry, USER } from './support/registry.ts';
import { expectPush } from './support/skopeo.ts';
import { startTokenServer, type TokenServer } from './support/tokenServer.ts';
import { describeWith } from './support/tools.ts';

const IMAGE = 'team/app:v1';
const OPEN = { CLIENT_AUTH: 'anonymous' };
const ACCOUNT = { ...OPEN, ORIGIN_ACCOUNT: 'password', ALLOW_REPOSITORIES: 'team/*', ORIGIN_USERNAME: USER.name };

/** Users of the edge's own, one of whom may delete. */
const USERS = JSON.stringify({ ci: { secret: 'a'.repeat(64), pull: ['**'], delete: ['**'] } });
const DELETERS = { CLIENT_AUTH: 'basic', USERS };

/** Answers everything in the same way. */
async function startServer(status: number, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  return (await startRecordingServer((_request, response) => response.writeHead(status, headers).end())).url;
}

const HTML = { 'content-type': 'text/html; charset=utf-8' };

describeWith(['registry', 'skopeo'], 'npm run doctor asks the origin, and', () => {
  let tokens: TokenServer;
  let byToken: Registry;
  let byPassword: Registry;
  beforeAll(async () => {
    tokens = await startTokenServer();
    byToken = await startRegistry({ kind: 'registry', tokens });
    byPassword = await startRegistry({ kind: 'registry', guarded: true });
  });
  /** Returns the problems with an origin, given its address and variables. */
  const problemsWith = async (ORIGIN_URL: string, variables = {}, asked?: string) =>
    problemsOf(await examine({ variables: { ORIGIN_URL, ...variables }, ...(asked && { image: asked }) }));

  test.for<[mistake: string, status: number, headers: Readonly<Record<string, string>>, named: RegExp]>([
    ['a sign-on page', 200, HTML, /ORIGIN_URL.+page for people.+without signing on/],
    ['a redirect to a sign-on', 302, { location: 'https://login.example.com/?next=1' }, /login\.example\.com/],
    ['another address of the registry', 301, { location: 'https://other.example.com/v2/' }, /other\.example\.com$/],
    ['a server that is no registry', 404, {}, /has no registry.+without \/v2/],
    ['a cache in front of it', 200, { age: '7' }, /a cache answers in front/],
    ['a login that no client knows', 401, { 'www-authenticate': 'Negotiate' }, /neither Bearer nor Basic/],
    ['too many requests', 429, {}, /too many requests/],
    ['an origin that leads back', 508, {}, /leads back to this edge/],
    ['a registry that fails', 500, {}, /answers \/v2\/ with 500/],
  ])('names %s', async ([, status, headers, named]) => {
    expect(await problemsWith(await startServer(status, headers))).toEqual([expect.stringMatching(named)]);
  });

  test('names an origin that nobody answers for, and one that takes too long', async () => {
    expect(await problemsWith('http://127.0.0.1:9')).toEqual([expect.stringMatching(/ORIGIN_URL: 127.0.0.1:9 /)]);
    const silent = await startRecordingServer((_request, response) => response);
    expect(await problemsWith(silent.url, { ORIGIN_TIMEOUT: '50ms' })).toEqual([
      expect.stringMatching(/did not answer in time.+ORIGIN_TIMEOUT/),
    ]);
  });

  test('names the wrong scheme', async () => {
    const server = await startRecordingServer(({ headers, path }, response) =>
      response.writeHead(301, { location: `https://${headers.host}${path}` }).end(),
    );
    expect(await problemsWith(server.url)).toEqual([expect.stringMatching(/ORIGIN_URL.+change its scheme to https/)]);
  });

  test('names a token realm that the edge may not ask', async () => {
    const host = new URL(tokens.auth.realm).host;
    expect(await problemsWith(byToken.url, OPEN)).toEqual([
      expect.stringContaining(`nothing can be pulled -> if it is right, set TOKEN_REALMS_ALLOWED=${host};`),
    ]);
    expect(await problemsWith(byToken.url, { ...OPEN, TOKEN_REALMS_ALLOWED: host })).toEqual([]);
  });

  test('names a realm without https, and a token server that gives no tokens', async () => {
    const challenge = (realm: string) => ({ 'www-authenticate': `Bearer realm="${realm}",service="s"` });
    const unsafe = await startServer(401, challenge('http://tokens.example.com/token'));
    expect(await problemsWith(unsafe)).toEqual([expect.stringMatching(/tokens\.example\.com that is no https/)]);
    const broken = await startServer(401, challenge(await startServer(500)));
    expect(await problemsWith(broken)).toEqual([expect.stringMatching(/gives no answer that is a token/)]);
  });

  test('names a service and keys that are not those of the tokens, and advises to have some', async () => {
    const { issuer: TOKEN_ISSUER, service: TOKEN_SERVICE } = tokens.auth;
    const trusted = { TOKEN_JWKS: tokens.jwks, TOKEN_ISSUER, TOKEN_SERVICE };
    expect(await problemsWith(byToken.url, trusted)).toEqual([]);
    const { jwks: TOKEN_JWKS } = await startTokenServer();
    expect(await problemsWith(byToken.url, { ...trusted, TOKEN_JWKS })).toEqual([
      expect.stringMatching(/TOKEN_JWKS: .+ does not verify/),
    ]);
    expect(await problemsWith(byToken.url, { ...trusted, TOKEN_SERVICE: 'other' })).toContainEqual(
      expect.stringContaining(`set TOKEN_SERVICE=${TOKEN_SERVICE}`),
    );
    expect(adviceOf(await examine({ variables: { ORIGIN_URL: byToken.url } }))).toContainEqual(
      expect.stringMatching(/cannot verify tokens.+TOKEN_JWKS/),
    );
  });

  test('names a login that an open mirror lacks, and an account that is refused', async () => {
    expect(await problemsWith(byPassword.url, OPEN)).toEqual([expect.stringMatching(/set ORIGIN_ACCOUNT/)]);
    const right = { ...ACCOUNT, ORIGIN_PASSWORD: USER.password };
    expect(await problemsWith(byPassword.url, right)).toEqual([]);
    const found = await examine({ variables: { ...right, ORIGIN_URL: byPassword.url, ORIGIN_PASSWORD: 'hunter2' } });
    expect(problemsOf(found)).toEqual([expect.stringMatching(/ORIGIN_PASSWORD: the origin refuses the account/)]);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  test('names an account that the token server refuses', async () => {
    const strict = await startTokenServer('ES256', (authorization) => authorization === 'Basic nobody');
    const registry = await startRegistry({ kind: 'registry', tokens: strict });
    const realm = { TOKEN_REALMS_ALLOWED: new URL(strict.auth.realm).host };
    expect(await problemsWith(registry.url, { ...ACCOUNT, ...realm, ORIGIN_PASSWORD: 'x' })).toEqual([
      expect.stringMatching(/ORIGIN_PASSWORD: the token server .+ refuses the account/),
    ]);
    // A login alone, as docker login asks for it.
    expect(strict.received.at(-1)?.path).not.toContain('scope');
  });

  test('names storage that is not in REDIRECT_HOSTS, an image that is absent, and a login that is missing', async () => {
    const storage = await startObjectStorage('localhost');
    const registry = await startRegistry({ kind: 'registry', redirectsTo: storage.url });
    storage.serve(registry.root);
    await publish(registry.url, 'team/app', image('doctor redirects'), 'v1');
    const elsewhere = { ...OPEN, REDIRECT_HOSTS: 'cdn.example.com' };
    expect(await problemsWith(registry.url, elsewhere, IMAGE)).toContainEqual(
      expect.stringContaining('set REDIRECT_HOSTS=cdn.example.com,localhost'),
    );
    expect(await problemsWith(registry.url, { ...OPEN, REDIRECT_HOSTS: 'localhost' }, IMAGE)).toEqual([]);
    expect(await problemsWith(registry.url, OPEN, 'team/none')).toEqual([expect.stringMatching(/not at the origin/)]);
    expect(await problemsWith(byPassword.url, {}, IMAGE)).toEqual([
      expect.stringContaining(`docker login ${byPassword.host}`),
    ]);
  });

  test('sends nothing but HEADs and GETs, unless it is told to', async () => {
    const registry = await startRegistry({ kind: 'registry' });
    await expectPush(await makeImage('doctor deletes'), `${registry.host}/${IMAGE}`);
    const proxy = await startCountingProxy(registry.url);
    const methods = () => new Set(proxy.requests.map((sent) => sent.split(' ')[0]));
    const patient = { variables: { ORIGIN_URL: proxy.url }, image: IMAGE };
    expect(problemsOf(await examine(patient))).toEqual([]);
    expect(methods()).toEqual(new Set(['GET', 'HEAD']));
    const found = await examine({ ...patient, variables: { ...patient.variables, ...DELETERS }, deletes: true });
    expect(methods()).toEqual(new Set(['GET', 'HEAD', 'DELETE']));
    expect(found.map(({ says }) => says)).toContainEqual(expect.stringContaining('the origin deletes blobs'));
  });
});
