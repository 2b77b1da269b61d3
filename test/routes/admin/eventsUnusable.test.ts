import { describe, expect, it } from 'vitest';
import { uniqueDigest, uniqueName } from '../../support/digests.ts';
import { createEdge, type Edge } from '../../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, sendEnvelope, sendEvents } from '../../support/events.ts';
import { pushBlob } from '../../support/push.ts';
import { manifestRequest, pushManifest } from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';
import { isHit, warm } from '../../support/warm.ts';

const MEBIBYTE = 1024 * 1024;
const MAX_BYTES = 8 * MEBIBYTE;
const MIRROR = { EVENTS_TOKEN, CLIENT_AUTH: 'anonymous', TAG_TTL: '1h', LIST_TTL: '1h' };

/** Returns the lines of the log with this message. */
const linesOf = (edge: Edge, message: string) =>
  edge.log.map((line) => JSON.parse(line)).filter((line) => line.message === message);
/** Returns what the edge noted about the envelopes that it received. */
const notedBy = (edge: Edge) => linesOf(edge, 'event').filter(({ kind }) => kind.startsWith('notified'));

/** Caches a blob. @returns the event that would evict it */
async function warmBlob(edge: Edge) {
  const blob = await pushBlob();
  await warm(edge, blob.path);
  return { name: blob.name, path: blob.path, deleted: eventsOf(blob.name).deleted(blob.digest) };
}

describe('an unusable event does not hold up the others', () => {
  it.each<[string, unknown, string]>([
    ['null', null, 'event'],
    ['no action', { target: { repository: 'a' } }, 'action'],
    ['no target', { action: 'delete' }, 'target'],
    ['an invalid name', { action: 'delete', target: { repository: 'A' } }, 'repository'],
    ['no repository but a URL', { action: 'push', target: { url: 'https://a.test/v2/a/manifests/b' } }, 'repository'],
    ['an invalid digest', { action: 'delete', target: { repository: 'a', digest: 'sha256:a' } }, 'digest'],
    ['an invalid tag', { action: 'push', target: { repository: 'a', tag: '-' } }, 'tag'],
  ])('%s', async (_what, bad, why) => {
    for (const badFirst of [true, false]) {
      const edge = createEdge({ EVENTS_TOKEN });
      const { path, deleted } = await warmBlob(edge);
      expect((await sendEvents(edge, ...(badFirst ? [bad, deleted] : [deleted, bad]))).status).toBe(204);
      expect(await isHit(edge, path)).toBe(false);
      expect(notedBy(edge)).toMatchObject([{ kind: 'notified', events: 2, unusable: 1 }]);
      expect(linesOf(edge, 'events that could not be used')).toMatchObject([{ unusable: 1, events: 2, why: [why] }]);
    }
  });

  it('answers 204 also where every event is unusable, and asks no store', async () => {
    const edge = createEdge({
      EVENTS_TOKEN,
      BLOBDESCRIPTOR: 'redis',
      UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1',
      UPSTASH_REDIS_REST_TOKEN: 'a-token',
    });
    expect((await sendEvents(edge, null, 1, { action: 'delete', target: { repository: 'A' } })).status).toBe(204);
    expect(notedBy(edge)).toMatchObject([{ events: 3, changes: 0, unusable: 3 }]);
  });

  it('uses every event of an envelope of 151', async () => {
    const edge = createEdge({ EVENTS_TOKEN });
    const { path, deleted } = await warmBlob(edge);
    const others = Array.from({ length: 150 }, () => eventsOf(uniqueName()).untagged('latest'));
    expect((await sendEvents(edge, ...others, deleted)).status).toBe(204);
    expect(await isHit(edge, path)).toBe(false);
    expect(notedBy(edge)).toMatchObject([{ events: 151, changes: 151, unusable: 0 }]);
  });

  it.each([MEBIBYTE + 1, 5 * MEBIBYTE, MAX_BYTES])('reads an envelope of %i bytes', async (bytes) => {
    for (const bodyOf of [(text: string) => text, (text: string) => new Response(text).body as ReadableStream]) {
      const edge = createEdge({ EVENTS_TOKEN });
      const { path, deleted } = await warmBlob(edge);
      const reference = { mediaType: 'a/b', digest: uniqueDigest(), size: 1, platform: { architecture: 'a', os: 'b' } };
      const around = JSON.stringify({ events: [{ ...deleted, references: [] }] });
      const references = Array(Math.floor((bytes - around.length) / (JSON.stringify(reference).length + 1))).fill(
        reference,
      );
      const text = JSON.stringify({ events: [{ ...deleted, references }] }).padEnd(bytes);
      expect(text).toHaveLength(bytes);
      expect((await sendEnvelope(edge, bodyOf(text))).status).toBe(204);
      expect(await isHit(edge, path)).toBe(false);
      expect(notedBy(edge)).toMatchObject([{ kind: 'notified', events: 1, unusable: 0 }]);
    }
  });
});

describe.each(STORES)('an envelope that is too large to be parsed, cache in $name', ({ variables }) => {
  it.each<[string, (text: string) => BodyInit]>([
    ['with a Content-Length', (text) => text],
    ['without a Content-Length', (text) => new Response(text).body as ReadableStream],
  ])('drops the tags and lists of the repositories that it names, and logs that: %s', async (_how, bodyOf) => {
    const edge = createEdge({ ...variables, ...MIRROR });
    const { name, path, tagPath, digest } = await pushManifest();
    const other = await pushManifest();
    const list = `/v2/${name}/tags/list`;
    await warm(edge, path, tagPath, other.tagPath);
    await edge.fetch(list, manifestRequest('GET'));
    expect(await isHit(edge, list, 'GET')).toBe(true);

    const event = eventsOf(name).pushed(digest, 'moved');
    const text = JSON.stringify({ events: [{ ...event, references: ['x'.repeat(MAX_BYTES)] }] });
    const response = await sendEnvelope(edge, bodyOf(text));
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(notedBy(edge)).toMatchObject([{ kind: 'notified-too-much', bytes: text.length, repositories: 1 }]);
    expect(edge.log.filter((line) => line.includes('"warn"') && line.includes(name))).toHaveLength(1);
    expect(await isHit(edge, tagPath)).toBe(false);
    expect(await isHit(edge, list, 'GET')).toBe(false);
    // Content by its digest and other repositories stay cached.
    expect(await isHit(edge, path)).toBe(true);
    expect(await isHit(edge, other.tagPath)).toBe(true);
  });
});

describe('an envelope that is too large to be parsed', () => {
  it.each([
    ['a name comes late', (name: string) => `{"a":"${'x'.repeat(MAX_BYTES)}","repository":"${name}"}`, 1],
    ['no repository is named', () => 'x'.repeat(MAX_BYTES + 1), 0],
    [
      'the envelope is longer than what is scanned',
      (name: string) => `"repository":"${name}"`.padEnd(66 * MEBIBYTE),
      1,
    ],
  ])('gets a 204 where %s', async (_what, textOf, repositories) => {
    const edge = createEdge({ EVENTS_TOKEN });
    expect((await sendEnvelope(edge, textOf(uniqueName()))).status).toBe(204);
    expect(notedBy(edge)).toMatchObject([{ repositories }]);
    expect(notedBy(edge)[0].bytes).toBeLessThan(65 * MEBIBYTE);
  });

  it('counts as far as it came, when it breaks off', async () => {
    const edge = createEdge(MIRROR);
    const { name, tagPath } = await pushManifest();
    for (let n = 0; n < 2; n++) await edge.fetch(tagPath, manifestRequest('HEAD'));
    const pieces = [`"repository":"${name}"`, ...Array(9).fill('x'.repeat(MEBIBYTE))];
    // A byte stream, as the runtime passes a body.
    const broken = new ReadableStream({
      type: 'bytes',
      pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) controller.error(new Error('the registry left'));
        else controller.enqueue(new TextEncoder().encode(piece));
      },
    });
    expect((await sendEnvelope(edge, broken)).status).toBe(204);
    expect(await isHit(edge, tagPath)).toBe(false);
  });

  it('gets a 503 where the store fails', async () => {
    const url = { UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1', UPSTASH_REDIS_REST_TOKEN: 'a-token' };
    const edge = createEdge({ EVENTS_TOKEN, BLOBDESCRIPTOR: 'redis', ...url });
    expect((await sendEnvelope(edge, `"repository":"${uniqueName()}"`.padEnd(MAX_BYTES + 1))).status).toBe(503);
  });
});
