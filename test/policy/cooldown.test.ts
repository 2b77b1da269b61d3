import { describe, expect, it } from 'vitest';
import { ALL_MANIFESTS, IMAGE_TYPES } from '../../src/oci/mediaTypes.ts';
import { type Clock, createClock } from '../support/context.ts';
import { FAILING_OBJECTS, interceptObjects } from '../support/durableStore.ts';
import { cacheStatusOf, createEdge, type Edge, type EdgeOptions, stableHeaders } from '../support/edge.ts';
import { rig } from '../support/push.ts';
import { manifestRequest, OCI_INDEX, type PushedManifest, pushManifest } from '../support/pushManifest.ts';
import { usersWith } from '../support/users.ts';

const DAY_MS = 86_400_000;
const COOLDOWN = { CLIENT_AUTH: 'anonymous', COOLDOWN: '3d', TAG_TTL: '0' };

const cooled = (variables: Record<string, string> = {}, options: EdgeOptions = {}) =>
  createEdge({ ...COOLDOWN, ...variables }, options);
/** Pulls a tag, and returns what it led to. */
async function pull(edge: Edge, { tagPath }: PushedManifest, headers = {}): Promise<string | number> {
  const answer = await edge.fetch(tagPath, manifestRequest('GET', undefined, headers));
  return answer.ok ? answer.text() : answer.status;
}
/** Moves the tag `latest` at the origin, past the edge, which has been asked before. */
function move({ clock }: { clock: Clock }, { name }: PushedManifest, to?: PushedManifest): Promise<PushedManifest> {
  clock.advance(1);
  return pushManifest({ name, ...(to && { bytes: to.bytes }) });
}
/** Returns what the last line about a request says of policies. */
function toldBy({ log }: Edge): unknown {
  const line = JSON.parse(log.findLast((one) => JSON.parse(one).message === 'request') ?? '{}');
  return line.denied ?? line.heldBack ?? line.reported;
}

describe('a tag under a cooldown', () => {
  it('leads to what it led to before, until the new digest has been held for so long', async () => {
    const old = await pushManifest();
    const edge = cooled();
    expect(await pull(edge, old)).toBe(old.bytes);
    const moved = await move(edge, old);
    expect([await pull(edge, old), toldBy(edge)]).toEqual([old.bytes, 'COOLDOWN']);
    edge.clock.advance(3 * DAY_MS - 1);
    expect(await pull(edge, old)).toBe(old.bytes);
    edge.clock.advance(1);
    expect([await pull(edge, old), toldBy(edge)]).toEqual([moved.bytes, undefined]);
    edge.clock.advance(1);
    expect(await pull(edge, old)).toBe(moved.bytes);
  });

  it('is the same in all isolates, and after a restart', async () => {
    const old = await pushManifest();
    const clock = createClock(Date.now());
    const [one, other] = [cooled({}, { clock }), cooled({}, { clock })];
    expect(await pull(one, old)).toBe(old.bytes);
    const moved = await move(one, old);
    expect(await pull(other, old)).toBe(old.bytes);
    clock.advance(2 * DAY_MS);
    expect([await pull(one, old), await pull(cooled({}, { clock }), old)]).toEqual([old.bytes, old.bytes]);
    clock.advance(DAY_MS);
    expect(await Promise.all([one, other, cooled({}, { clock })].map((edge) => pull(edge, old)))).toEqual(
      Array(3).fill(moved.bytes),
    );
  });

  it('that is set back leads there at once', async () => {
    const old = await pushManifest();
    const edge = cooled();
    await pull(edge, old);
    const moved = await move(edge, old);
    await pull(edge, old);
    edge.clock.advance(3 * DAY_MS);
    expect(await pull(edge, old)).toBe(moved.bytes);
    await move(edge, old, old);
    expect(await pull(edge, old)).toBe(old.bytes);
    await move(edge, old, moved);
    expect(await pull(edge, old)).toBe(moved.bytes);
  });

  it('does not count the time during which it led elsewhere', async () => {
    const old = await pushManifest();
    const edge = cooled();
    await pull(edge, old);
    const bad = await move(edge, old);
    await pull(edge, old);
    await move(edge, old, old);
    await pull(edge, old);
    edge.clock.advance(4 * DAY_MS);
    await pull(edge, old);
    await move(edge, old, bad);
    expect(await pull(edge, old)).toBe(old.bytes);
    edge.clock.advance(DAY_MS);
    expect(await pull(edge, old)).toBe(old.bytes);
  });

  it('leads to the last one that was held, though newer ones came and went', async () => {
    const old = await pushManifest();
    const edge = cooled();
    await pull(edge, old);
    const held = await move(edge, old);
    await pull(edge, old);
    edge.clock.advance(3 * DAY_MS);
    await pull(edge, old);
    for (let day = 0; day < 50; day++) {
      await move(edge, old);
      expect(await pull(edge, old)).toBe(held.bytes);
      edge.clock.advance(2 * DAY_MS);
    }
  });

  it('is denied where nothing has been held yet, with COOLDOWN_UNKNOWN=deny', async () => {
    const manifest = await pushManifest();
    const edge = cooled({ COOLDOWN_UNKNOWN: 'deny' });
    const refused = await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    expect([refused.status, await refused.json(), toldBy(edge)]).toEqual([
      403,
      { errors: [expect.objectContaining({ code: 'DENIED', detail: { policy: 'COOLDOWN' } })] },
      'COOLDOWN',
    ]);
    edge.clock.advance(3 * DAY_MS);
    expect(await pull(edge, manifest)).toBe(manifest.bytes);
  });

  it('answers HEAD as GET, with the digest that counts', async () => {
    const old = await pushManifest();
    const edge = cooled();
    await pull(edge, old);
    await move(edge, old);
    const head = await edge.fetch(old.tagPath, manifestRequest('HEAD'));
    expect(head.headers.get('docker-content-digest')).toBe(old.digest);
    const get = await edge.fetch(old.tagPath, manifestRequest('GET'));
    expect(stableHeaders(head)).toEqual({ ...stableHeaders(get), 'content-length': String(old.bytes.length) });
    const same = await edge.fetch(
      old.tagPath,
      manifestRequest('GET', undefined, { 'if-none-match': `"${old.digest}"` }),
    );
    expect(same.status).toBe(304);
  });

  it.each<[string, Record<string, string>]>([
    ['a range', { range: 'bytes=0-9' }],
    ['an Origin', { origin: 'https://page.test' }],
    ['other media types', { accept: OCI_INDEX }],
    ['media types that nobody else accepts', { accept: 'application/vnd.test+json' }],
    ['a condition', { 'if-none-match': '"sha256:0"' }],
    ['another identity', { cookie: 'a=b' }],
  ])('leads to nothing newer for a request with %s', async (_what, headers) => {
    const old = await pushManifest();
    const edge = cooled();
    await pull(edge, old);
    await move(edge, old);
    const answer = await edge.fetch(old.tagPath, manifestRequest('GET', undefined, headers));
    expect([answer.status < 300, old.bytes.startsWith(await answer.text())]).toEqual([true, true]);
    expect(await old.questions()).not.toContain('GET latest');
    // Only an edge's own media types tell where the tag leads.
    const asked = (await rig.requests(old.tagPath)).filter(({ method }) => method === 'HEAD');
    expect(new Set(asked.map((request) => request.headers.accept))).toEqual(new Set([ALL_MANIFESTS]));
  });

  it('is asked for without a query that may name something else', async () => {
    const manifest = await pushManifest();
    const edge = cooled({ MIRRORED_HOSTS: 'mirrored.test' });
    const statusOf = async (query: string) =>
      (await edge.fetch(manifest.tagPath + query, manifestRequest('GET'))).status;
    expect([await statusOf('?ns=mirrored.test'), await statusOf('?ns=other.test'), await statusOf('?x=1')]).toEqual([
      200, 403, 403,
    ]);
  });

  it('that the origin has no longer is not found', async () => {
    const manifest = await pushManifest();
    const edge = cooled();
    await pull(edge, manifest);
    await rig.rule({ prefix: manifest.tagPath, status: 404 });
    const answer = await edge.fetch(manifest.tagPath, manifestRequest('GET'));
    expect([answer.status, await answer.json()]).toMatchObject([404, { errors: [{ code: 'MANIFEST_UNKNOWN' }] }]);
    expect((await edge.fetch(manifest.tagPath, manifestRequest('HEAD'))).status).toBe(404);
  });

  it('is denied where the digest that counts is gone', async () => {
    const old = await pushManifest();
    const edge = cooled({ DESCRIPTOR_TTL: '1h' });
    await pull(edge, old);
    await move(edge, old);
    edge.clock.advance(DAY_MS);
    await rig.rule({ prefix: old.path, status: 404 });
    expect([await pull(edge, old), toldBy(edge)]).toEqual([403, 'COOLDOWN']);
  });

  it('answers while the origin fails, as always', async () => {
    const old = await pushManifest();
    const edge = cooled();
    await pull(edge, old);
    await rig.rule({ prefix: `/v2/${old.name}/`, status: 503 });
    edge.clock.advance(1_000);
    expect(await pull(edge, old)).toBe(old.bytes);
  });

  it.each([
    ['pass', 200],
    ['deny', 503],
  ])('where the history cannot be read is left to COOLDOWN_UNKNOWN=%s: %d', async (unknown, status) => {
    const manifest = await pushManifest();
    const edge = cooled({ COOLDOWN_UNKNOWN: unknown, COOLDOWN_DIGESTS: 'true' }, { objects: FAILING_OBJECTS });
    expect((await edge.fetch(manifest.tagPath, manifestRequest('GET'))).status).toBe(status);
    expect((await edge.fetch(manifest.path, manifestRequest('GET'))).status).toBe(status);
  });

  it.each([
    ['pass', 200],
    ['deny', 503],
  ])('of which the origin names no digest is left to COOLDOWN_UNKNOWN=%s: %d', async (unknown, status) => {
    const manifest = await pushManifest();
    const edge = cooled({ COOLDOWN_UNKNOWN: unknown });
    await rig.rule({ prefix: manifest.tagPath, method: 'HEAD', status: 405 });
    expect((await edge.fetch(manifest.tagPath, manifestRequest('GET'))).status).toBe(status);
  });

  it('costs two requests to the object more than a tag without', async () => {
    const manifest = await pushManifest();
    let requests: string[] = [];
    const objects = interceptObjects((method, _args, call) => {
      requests.push(method);
      return call();
    });
    const costOf = async (variables: Record<string, string>) => {
      const edge = createEdge({ CLIENT_AUTH: 'anonymous', TAG_TTL: '1h', MEMORY_TTL: '0', ...variables }, { objects });
      await pull(edge, manifest);
      requests = [];
      await pull(edge, manifest);
      return requests;
    };
    expect(await costOf({})).toEqual(['readPointers', 'readContent']);
    expect(await costOf({ COOLDOWN: '3d' })).toEqual(['readPointers', 'see', 'readEntries', 'readContent']);
  });

  it('asks the origin once within TAG_TTL, and then the stores alone', async () => {
    const old = await pushManifest();
    const edge = cooled({ TAG_TTL: '10s' });
    await pull(edge, old);
    await pull(edge, old);
    expect(await old.questions()).toEqual(['HEAD latest', `GET ${old.digest}`]);
    const warm = await edge.fetch(old.tagPath, manifestRequest('GET'));
    expect(cacheStatusOf(warm)).toContain('; hit');
    edge.clock.advance(10_001);
    const cold = await edge.fetch(old.tagPath, manifestRequest('GET'));
    expect(cacheStatusOf(cold)).toContain('; fwd=stale');
    expect(await old.questions()).toEqual(['HEAD latest', `GET ${old.digest}`, 'HEAD latest']);
  });
});

describe('a cooldown', () => {
  it('is for callers that only pull', async () => {
    const old = await pushManifest();
    const repositories = [old.name];
    const { variables, logins } = await usersWith({
      puller: { pull: repositories },
      pusher: { pull: repositories, push: repositories },
    });
    const edge = createEdge({ ...variables, COOLDOWN: '3d', TAG_TTL: '0' });
    expect([await pull(edge, old, logins.puller), await pull(edge, old)]).toEqual([old.bytes, 401]);
    const moved = await move(edge, old);
    expect(await pull(edge, old, logins.puller)).toBe(old.bytes);
    expect(await pull(edge, old, logins.pusher)).toBe(moved.bytes);
  });

  it('is for the tags that are named, and by default for no signatures', async () => {
    const [named, other] = [await pushManifest(), await pushManifest({ tag: 'v1' })];
    const edge = cooled({ COOLDOWN_TAGS: 'latest', COOLDOWN_UNKNOWN: 'deny' });
    expect([await pull(edge, named), await pull(edge, other)]).toEqual([403, other.bytes]);
    const signature = await pushManifest({ tag: `${other.digest.replace(':', '-')}.sig` });
    expect(await pull(cooled({ COOLDOWN_UNKNOWN: 'deny' }), signature)).toBe(signature.bytes);
  });

  it('leaves digests alone, unless COOLDOWN_DIGESTS says otherwise', async () => {
    const old = await pushManifest();
    const clock = createClock(Date.now());
    const [open, closed] = [cooled({}, { clock }), cooled({ COOLDOWN_DIGESTS: 'true' }, { clock })];
    await pull(open, old);
    const moved = await move(open, old);
    const unseen = await pushManifest({ name: old.name, tag: 'unseen' });
    await pull(open, old);
    const statusOf = async (edge: Edge, { path }: PushedManifest) =>
      (await edge.fetch(path, manifestRequest('GET'))).status;
    expect(await statusOf(open, moved)).toBe(200);
    expect([await statusOf(closed, moved), toldBy(closed)]).toEqual([403, 'COOLDOWN']);
    expect([await statusOf(closed, old), await statusOf(closed, unseen)]).toEqual([200, 200]);
    clock.advance(3 * DAY_MS);
    await pull(open, old);
    expect(await statusOf(closed, moved)).toBe(200);
  });

  it('that is only reported changes no answer, and tells each that it would have changed', async () => {
    const old = await pushManifest();
    const clock = createClock(Date.now());
    const free = createEdge({ CLIENT_AUTH: 'anonymous', TAG_TTL: '0' }, { clock });
    const reporting = cooled({ POLICY_MODE: 'report', COOLDOWN_DIGESTS: 'true' }, { clock });
    const both = async (path: string) => {
      const answers = [
        await free.fetch(path, manifestRequest('GET', IMAGE_TYPES.join())),
        await reporting.fetch(path, manifestRequest('GET', IMAGE_TYPES.join())),
      ];
      const shown = await Promise.all(answers.map(async (one) => [one.status, stableHeaders(one), await one.text()]));
      expect(shown[1]).toEqual(shown[0]);
      return toldBy(reporting);
    };
    expect(await both(old.tagPath)).toBe(undefined);
    const moved = await move(free, old);
    expect([await both(old.tagPath), await both(moved.path), await both(old.path)]).toEqual([
      ...['COOLDOWN', 'COOLDOWN', undefined],
    ]);
    expect(await both(`${old.tagPath}?x=1`)).toBe('COOLDOWN');
    clock.advance(3 * DAY_MS);
    expect([await both(old.tagPath), await both(moved.path)]).toEqual([undefined, undefined]);
  });
});
