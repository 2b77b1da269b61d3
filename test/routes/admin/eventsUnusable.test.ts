import { describe, expect, it } from 'vitest';
import { someDigest, someName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, tell } from '../../support/events.ts';
import { pushBlob } from '../../support/push.ts';
import { asking, pushManifest, STORES } from '../../support/pushManifest.ts';

const MEBIBYTE = 1024 * 1024;
const MAX_BYTES = 8 * MEBIBYTE;
const TOLD = { EVENTS_TOKEN };
const MIRROR = { ...TOLD, CLIENT_AUTH: 'anonymous', TAG_TTL: '1h', LIST_TTL: '1h' };

const send = (edge: Edge, body: BodyInit) =>
  edge.fetch('/_edge/events', { method: 'POST', headers: { authorization: `Bearer ${EVENTS_TOKEN}` }, body });
const isHit = async (edge: Edge, path: string, method: 'GET' | 'HEAD' = 'HEAD') =>
  cacheStatusOf(await edge.fetch(path, asking(method)))?.includes('registry-edge; hit') ?? false;
/** The lines of the log of one message. */
const logged = (edge: Edge, message: string) =>
  edge.log.map((line) => JSON.parse(line)).filter((line) => line.message === message);
const noticed = (edge: Edge) => logged(edge, 'event').filter(({ kind }) => kind.startsWith('notified'));

/** A blob that the edge answers from the cache, and the event that would end that. */
async function warm(edge: Edge) {
  const blob = await pushBlob();
  await edge.fetch(blob.path, { method: 'HEAD' });
  expect(await isHit(edge, blob.path)).toBe(true);
  return { name: blob.name, path: blob.path, deleted: eventsOf(blob.name).deleted(blob.digest) };
}

describe('notifications: an event that cannot be used does not hold up the others', () => {
  it.each<[string, unknown, string]>([
    ['no event', null, 'event'],
    ['no action', { target: { repository: 'a' } }, 'action'],
    ['no target', { action: 'delete' }, 'target'],
    ['a name that is none', { action: 'delete', target: { repository: 'A' } }, 'repository'],
    ['only a URL', { action: 'push', target: { url: 'https://a.test/v2/a/manifests/b' } }, 'repository'],
    ['a digest that is none', { action: 'delete', target: { repository: 'a', digest: 'sha256:a' } }, 'digest'],
    ['a tag that is none', { action: 'push', target: { repository: 'a', tag: '-' } }, 'tag'],
  ])('%s', async (_what, bad, why) => {
    for (const badFirst of [true, false]) {
      const edge = createEdge(TOLD);
      const { path, deleted } = await warm(edge);
      expect((await tell(edge, ...(badFirst ? [bad, deleted] : [deleted, bad]))).status).toBe(204);
      expect(await isHit(edge, path)).toBe(false);
      expect(noticed(edge)).toMatchObject([{ kind: 'notified', events: 2, unusable: 1 }]);
      expect(logged(edge, 'events that could not be used')).toMatchObject([{ unusable: 1, events: 2, why: [why] }]);
    }
  });

  it('with nothing to use at all, it is a 204 too, and no store is asked', async () => {
    const edge = createEdge({
      ...TOLD,
      BLOBDESCRIPTOR: 'redis',
      UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1',
      UPSTASH_REDIS_REST_TOKEN: 'a-token',
    });
    expect((await tell(edge, null, 1, { action: 'delete', target: { repository: 'A' } })).status).toBe(204);
    expect(noticed(edge)).toMatchObject([{ events: 3, changes: 0, unusable: 3 }]);
  });

  it('a hundred events and more are all taken', async () => {
    const edge = createEdge(TOLD);
    const { path, deleted } = await warm(edge);
    const others = Array.from({ length: 150 }, () => eventsOf(someName()).untagged('latest'));
    expect((await tell(edge, ...others, deleted)).status).toBe(204);
    expect(await isHit(edge, path)).toBe(false);
    expect(noticed(edge)).toMatchObject([{ events: 151, changes: 151, unusable: 0 }]);
  });

  it.each([MEBIBYTE + 1, 5 * MEBIBYTE, MAX_BYTES])('an envelope of %i bytes is taken', async (bytes) => {
    for (const sentAs of [(text: string) => text, (text: string) => new Response(text).body as ReadableStream]) {
      const edge = createEdge(TOLD);
      const { path, deleted } = await warm(edge);
      const reference = { mediaType: 'a/b', digest: someDigest(), size: 1, platform: { architecture: 'a', os: 'b' } };
      const around = JSON.stringify({ events: [{ ...deleted, references: [] }] });
      const references = Array(Math.floor((bytes - around.length) / (JSON.stringify(reference).length + 1))).fill(
        reference,
      );
      const text = JSON.stringify({ events: [{ ...deleted, references }] }).padEnd(bytes);
      expect(text).toHaveLength(bytes);
      expect((await send(edge, sentAs(text))).status).toBe(204);
      expect(await isHit(edge, path)).toBe(false);
      expect(noticed(edge)).toMatchObject([{ kind: 'notified', events: 1, unusable: 0 }]);
    }
  });
});

describe.each(STORES)('notifications: an envelope that is too large to be read, cache in %s', (_store, variables) => {
  it.each<[string, (text: string) => BodyInit]>([
    ['announced', (text) => text],
    ['not announced', (text) => new Response(text).body as ReadableStream],
  ])('forgets tags and lists of the repositories that it names, and the log says so: %s', async (_how, sentAs) => {
    const edge = createEdge({ ...variables, ...MIRROR });
    const { name, path, tagPath, digest } = await pushManifest();
    const other = await pushManifest();
    const list = `/v2/${name}/tags/list`;
    const known = [path, tagPath, other.tagPath];
    for (const one of known) await edge.fetch(one, asking('HEAD'));
    await edge.fetch(list, asking('GET'));
    for (const one of known) expect([one, await isHit(edge, one)]).toEqual([one, true]);
    expect(await isHit(edge, list, 'GET')).toBe(true);

    const event = eventsOf(name).pushed(digest, 'moved');
    const text = JSON.stringify({ events: [{ ...event, references: ['x'.repeat(MAX_BYTES)] }] });
    const response = await send(edge, sentAs(text));
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(noticed(edge)).toMatchObject([{ kind: 'notified-too-much', bytes: text.length, repositories: 1 }]);
    expect(edge.log.filter((line) => line.includes('"warn"') && line.includes(name))).toHaveLength(1);
    expect(await isHit(edge, tagPath)).toBe(false);
    expect(await isHit(edge, list, 'GET')).toBe(false);
    // Content by its digest is what it was, and so is another repository.
    expect(await isHit(edge, path)).toBe(true);
    expect(await isHit(edge, other.tagPath)).toBe(true);
  });
});

describe('notifications: an envelope that is too large to be read', () => {
  it.each([
    ['names come late', (name: string) => `{"a":"${'x'.repeat(MAX_BYTES)}","repository":"${name}"}`, 1],
    ['nothing is named', () => 'x'.repeat(MAX_BYTES + 1), 0],
    ['is no end of it', (name: string) => `"repository":"${name}"`.padEnd(66 * MEBIBYTE), 1],
  ])('is a 204 where %s', async (_what, textOf, repositories) => {
    const edge = createEdge(TOLD);
    expect((await send(edge, textOf(someName()))).status).toBe(204);
    expect(noticed(edge)).toMatchObject([{ repositories }]);
    expect(noticed(edge)[0].bytes).toBeLessThan(65 * MEBIBYTE);
  });

  it('that breaks off is taken as far as it came', async () => {
    const edge = createEdge(MIRROR);
    const { name, tagPath } = await pushManifest();
    for (let n = 0; n < 2; n++) await edge.fetch(tagPath, asking('HEAD'));
    const pieces = [`"repository":"${name}"`, ...Array(9).fill('x'.repeat(MEBIBYTE))];
    // As the runtime gives it.
    const broken = new ReadableStream({
      type: 'bytes',
      pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) controller.error(new Error('the registry left'));
        else controller.enqueue(new TextEncoder().encode(piece));
      },
    });
    expect((await send(edge, broken)).status).toBe(204);
    expect(await isHit(edge, tagPath)).toBe(false);
  });

  it('is a 503 where the store fails, as any other', async () => {
    const url = { UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1', UPSTASH_REDIS_REST_TOKEN: 'a-token' };
    const edge = createEdge({ ...TOLD, BLOBDESCRIPTOR: 'redis', ...url });
    expect((await send(edge, `"repository":"${someName()}"`.padEnd(MAX_BYTES + 1))).status).toBe(503);
  });
});
