import { describe, expect, inject, it } from 'vitest';
import { uniqueDigest, uniqueName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, stableHeaders } from '../../support/edge.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { manifestRequest, pushManifest } from '../../support/pushManifest.ts';

const HEAD = { method: 'HEAD' };
const ADMIN_TOKEN = 'token of an operator'.replaceAll(' ', '-');

/** Makes a repository `<namespace>/<short>` at the origin, and an edge for that namespace. */
function setUp(variables: Record<string, string> = { CLIENT_AUTH: 'anonymous' }) {
  const [namespace, short] = [uniqueName().replaceAll('/', '-'), `short-${crypto.randomUUID()}`];
  const edge = createEdge({ ...variables, DEFAULT_NAMESPACE: namespace, ADMIN_TOKEN });
  return { edge, name: `${namespace}/${short}`, short, shortened: (path: string) => path.replace(`${namespace}/`, '') };
}

describe('DEFAULT_NAMESPACE', () => {
  it('the short and the full name are one repository, for the cache and for the origin', async () => {
    const { edge, name, shortened } = setUp();
    const blob = await pushBlob('content', name);
    const manifest = await pushManifest({ name });
    for (const [path, init] of [
      [blob.path, HEAD],
      [manifest.path, manifestRequest('HEAD')],
      [manifest.tagPath, manifestRequest('GET')],
    ] as const) {
      const answers: Response[] = [];
      for (const asked of [shortened(path), shortened(path), path]) answers.push(await edge.fetch(asked, init));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(answers.map((answer) => cacheStatusOf(answer)?.includes('hit'))).toEqual([false, true, true]);
    }
    const asked = [...(await blob.questions()), ...(await manifest.questions())];
    expect(asked.length).toBeGreaterThan(2);
    for (const question of await blob.questions()) expect(question).toContain(`/v2/${name}/`);
  });

  it('what is purged by the short name is gone', async () => {
    const { edge, name, short } = setUp();
    const blob = await pushBlob('content', name);
    await edge.fetch(blob.path, HEAD);
    const purged = await edge.fetch(`/_edge/cache/${short}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect([purged.status, ((await purged.json()) as { repository: string }).repository]).toEqual([200, name]);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).not.toContain('hit');
  });

  it.each([
    ['absolute', (name: string) => `${inject('originUrl')}/v2/${name}/tags/list?last=a`],
    ['from the root', (name: string) => `/v2/${name}/tags/list?last=a`],
    ['relative', () => 'list?last=a'],
    ['a query', () => '?last=a'],
  ])('the next page of a list has the name that the client used; the origin’s link is %s', async (_form, linkOf) => {
    const { edge, name, short } = setUp();
    const headers = { link: `<${linkOf(name)}>; rel="next"`, 'content-type': 'application/json' };
    await rig.rule({ prefix: `/v2/${name}/tags/list`, status: 200, headers, body: '{}' });
    for (const asked of [short, name]) {
      const response = await edge.fetch(`/v2/${asked}/tags/list`);
      expect(response.headers.get('link')).toBe(`</v2/${asked}/tags/list?last=a>; rel="next"`);
    }
  });

  it.each(['tags/list', `referrers/${uniqueDigest()}`])(
    'a list that is kept has the name of whoever asks: %s',
    async (below) => {
      const { edge, name, short } = setUp({ CLIENT_AUTH: 'anonymous', LIST_TTL: '1m' });
      const headers = { link: `</v2/${name}/${below}?last=a>; rel="next"`, 'content-type': 'application/json' };
      await rig.rule({ prefix: `/v2/${name}/`, status: 200, headers, body: '{"manifests":[{}]}' });
      for (const asked of [short, name, short]) {
        const response = await edge.fetch(`/v2/${asked}/${below}`);
        expect(response.headers.get('link')).toBe(`</v2/${asked}/${below}?last=a>; rel="next"`);
        expect(await response.text()).toBe('{"manifests":[{}]}');
      }
      expect((await rig.requests(`/v2/${name}/`)).length).toBe(1);
    },
  );

  it.each([
    ['HEAD', { 'content-length': '7' }, 200],
    ['GET', {}, 304],
  ])('an answer with a link is otherwise what it was: %s, %o, %d', async (method, more, status) => {
    const { edge, name, short } = setUp();
    const headers = { ...more, link: `</v2/${name}/tags/list?last=a>; rel="next"`, 'content-type': 'application/json' };
    await rig.rule({ prefix: `/v2/${name}/`, status, headers, body: 'content' });
    const [byShort, byFull] = [
      await edge.fetch(`/v2/${short}/tags/list`, { method }),
      await edge.fetch(`/v2/${name}/tags/list`, { method }),
    ];
    const { link, ...others } = stableHeaders(byFull);
    expect([byShort.status, stableHeaders(byShort)]).toEqual([
      ...[byFull.status, { ...others, link: link?.replace(name, short) }],
    ]);
    expect(new Uint8Array(await byShort.arrayBuffer())).toEqual(new Uint8Array(await byFull.arrayBuffer()));
  });

  it('a redirect to the other scheme is still seen as one', async () => {
    const { edge, name, short } = setUp();
    const location = `${inject('originUrl').replace('http:', 'https:')}/v2/${name}/tags/list`;
    await rig.rule({ prefix: `/v2/${name}/tags/list`, status: 301, headers: { location } });
    const response = await edge.fetch(`/v2/${short}/tags/list`);
    expect(response.headers.get('location')).toBe(location);
  });

  it('a push by the short name goes on by it, and is pulled by both', async () => {
    const { edge, name, short, shortened } = setUp({});
    const opened = await edge.fetch(`/v2/${short}/blobs/uploads/`, { method: 'POST' });
    const location = opened.headers.get('location') ?? '';
    expect([opened.status, location.startsWith(`/v2/${short}/blobs/uploads/`)]).toEqual([202, true]);
    const { digest, path, bytes } = await pushBlob('content');
    const target = `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`;
    const done = await edge.fetch(target, { method: 'PUT', body: bytes });
    expect(done.status).toBe(201);
    expect(done.headers.get('location')).toBe(`/v2/${short}/blobs/${digest}`);
    const full = path.replace(/\/v2\/.*\/blobs/, `/v2/${name}/blobs`);
    for (const each of [full, shortened(full)]) expect((await edge.fetch(each, HEAD)).status).toBe(200);
  });

  it('without it, a short name is the origin’s own', async () => {
    const short = `short-${crypto.randomUUID()}`;
    const blob = await pushBlob('content', short);
    expect((await createEdge().fetch(blob.path, HEAD)).status).toBe(200);
  });
});
