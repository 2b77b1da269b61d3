import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { warmByEdge } from '../../local/warm/byEdge.ts';
import { warmByPull } from '../../local/warm/byPull.ts';
import { messageOf } from '../../local/warm/messageOf.ts';
import { RegistryClient } from '../../local/warm/registryClient.ts';

const PAGE = '<!DOCTYPE html><title>Log in</title>';
const DONE = { manifests: 0, blobs: 0, bytes: 0, known: 0 };

interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Starts a server that answers each request as it is told. @returns its URL, and the `Authorization` of each request */
async function serve(reply: (url: string) => Reply) {
  const seen: (string | undefined)[] = [];
  const server = createServer(({ headers, url = '' }, response) => {
    seen.push(headers.authorization);
    const { status = 200, headers: sent = {}, body = '' } = reply(url);
    response.writeHead(status, sent).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const warmAt = (url: string) =>
  warmByEdge({ url, adminToken: 'admin-token', platforms: [], upstream: '' }, 'team/app', () => undefined);

describe('warming by the edge', () => {
  it('ends where the edge returns the same cursor again', async () => {
    const edge = await serve(() => ({ body: JSON.stringify({ done: DONE, errors: [], cursor: '0.0.0' }) }));
    await expect(warmAt(edge.url)).rejects.toThrow('does not get on');
    expect(edge.seen.length).toBe(2);
  });

  it('follows no redirect', async () => {
    const other = await serve(() => ({}));
    const edge = await serve(() => ({ status: 307, headers: { location: other.url } }));
    await expect(warmAt(edge.url)).rejects.toThrow();
    expect(other.seen).toEqual([]);
  });

  it.each([
    ['a page for people', { body: PAGE }, 'not as registry-edge: correct the address'],
    ['another JSON', { body: '{"ok":true}' }, 'not as registry-edge: correct the address'],
    [
      'an edge without ADMIN_TOKEN',
      { status: 404, body: '{"errors":[{"message":"nothing"}]}' },
      'set ADMIN_TOKEN there',
    ],
    [
      'an edge with another',
      { status: 401, body: '{"errors":[{"message":"no"}]}' },
      'ADMIN_TOKEN: the edge refuses it',
    ],
    ['a refusal', { status: 400, body: '{"errors":[{"message":"invalid image"}]}' }, 'invalid image'],
    ['a failure without words', { status: 500, body: 'oops' }, 'the edge answered 500'],
  ])('says what to do about %s', async (_what, reply, message) => {
    const { url } = await serve(() => reply);
    await expect(warmAt(url)).rejects.toThrow(message);
  });
});

describe('warming by a pull', () => {
  const BY_EDGE = { 'cache-status': 'registry-edge; fwd=miss; stored' };
  const MANIFEST = '{"schemaVersion":2,"layers":[]}';
  it.each([
    ['a page for people is in the place of the manifest', BY_EDGE, PAGE, 'no manifest for /v2/team/app/manifests/v1'],
    ['a registry answers that is no edge', {}, MANIFEST, 'no Cache-Status of registry-edge: correct the address'],
    ['another cache answers', { 'cache-status': 'other; hit' }, MANIFEST, 'no Cache-Status of registry-edge'],
  ])('fails where %s', async (_what, headers, body, message) => {
    const { url } = await serve(() => ({ headers, body }));
    const client = new RegistryClient(url, undefined);
    const warming = warmByPull({ client, platforms: [] }, 'team/app:v1', () => undefined);
    await expect(warming).rejects.toThrow(message);
  });

  it('tells nothing of a token that it cannot read', async () => {
    const realm = await serve(() => ({ body: 'secret-token' }));
    const edge = await serve(() => ({ status: 401, headers: { 'www-authenticate': `Bearer realm="${realm.url}"` } }));
    const client = new RegistryClient(edge.url, { username: 'ann', password: 'a' });
    const error = await client.ask('GET', 'team/app', 'manifests/v1').catch(String);
    expect(error).toContain('gave no token');
    expect(error).not.toContain('secret');
  });

  it('sends no login where an edge redirects to', async () => {
    const other = await serve(() => ({}));
    const edge = await serve((url) =>
      url.includes('v1') ? { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } } : {},
    );
    const moved = await serve(() => ({ status: 307, headers: { location: `${other.url}/v2/` } }));
    const login = { username: 'ann', password: 'a' };
    await expect(new RegistryClient(edge.url, login).ask('GET', 'team/app', 'manifests/v1')).rejects.toThrow('401');
    await new RegistryClient(moved.url, login).ask('GET', 'team/app', 'manifests/v1');
    expect([edge.seen.length, moved.seen, other.seen]).toEqual([2, [undefined], [undefined]]);
  });
});

describe('what is said of a failure', () => {
  it('names the cause, also where each address of a host failed', () => {
    const refused = new Error('connect ECONNREFUSED ::1:8787');
    for (const cause of [refused, new AggregateError([refused, new Error('connect ECONNREFUSED 127.0.0.1:8787')])]) {
      expect(messageOf(new TypeError('fetch failed', { cause }))).toBe(`fetch failed: ${refused.message}`);
    }
    expect(messageOf(new Error('none'))).toBe('none');
  });
});
