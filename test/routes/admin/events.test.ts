import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { DescriptorNamespace } from '../../../src/stores/kv/namespace.ts';
import { uniqueDigest, uniqueName } from '../../support/digests.ts';
import { createEdge, type Edge } from '../../support/edge.ts';
import {
  EVENTS_PATH,
  EVENTS_TOKEN,
  eventsOf,
  REGISTRY,
  type SentEvent,
  sendEnvelope,
  sendEvents,
} from '../../support/events.ts';
import { ADMIN_TOKEN, OPERATOR } from '../../support/purge.ts';
import { pushBlob } from '../../support/push.ts';
import { REDIS } from '../../support/redisStore.ts';
import { isHit, warm } from '../../support/warm.ts';

const NO_EVENTS = '{"events":[]}';

const errorOf = async (response: Response) =>
  ((await response.json()) as { errors: { code: string; message: string }[] }).errors[0];

/** Caches a blob. @returns the event that would evict it, and whether the edge still answers from the cache */
async function warmBlob(edge: Edge): Promise<{ deleted: SentEvent; isCached(): Promise<boolean> }> {
  const { name, digest, path } = await pushBlob();
  await warm(edge, path);
  return { deleted: eventsOf(name).deleted(digest), isCached: () => isHit(edge, path) };
}

describe('POST /_edge/events: access', () => {
  it('answers the registry with 204, without a body, and forbids caches to store that', async () => {
    const response = await sendEnvelope(createEdge({ EVENTS_TOKEN }), NO_EVENTS);
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it.each(['POST', 'GET', 'HEAD', 'DELETE'])(
    'answers %s with 404 without EVENTS_TOKEN, whether ADMIN_TOKEN is set or not',
    async (method) => {
      for (const variables of [{}, { ADMIN_TOKEN: EVENTS_TOKEN }]) {
        expect((await createEdge(variables).fetch(EVENTS_PATH, { method, headers: REGISTRY })).status).toBe(404);
      }
    },
  );

  it.each([`${EVENTS_PATH}/other`, `${EVENTS_PATH}/a/b`, `${EVENTS_PATH}x`])('answers 404 at %s', async (path) => {
    for (const variables of [{ EVENTS_TOKEN }, {}]) {
      const init = { method: 'POST', headers: REGISTRY, body: NO_EVENTS };
      const response = await createEdge(variables).fetch(path, init);
      expect([response.status, await errorOf(response)]).toMatchObject([404, { code: 'NAME_UNKNOWN' }]);
    }
  });

  it.each([
    ['no credential', undefined],
    ['another token', 'Bearer registries-know-that'],
    ['a longer token', `Bearer ${EVENTS_TOKEN}x`],
    ['a shorter token', `Bearer ${EVENTS_TOKEN.slice(0, -1)}`],
    ['the token in capitals', `Bearer ${EVENTS_TOKEN.toUpperCase()}`],
    ['the token twice', `Bearer ${EVENTS_TOKEN} ${EVENTS_TOKEN}`],
    ['the token as a password', `Basic ${btoa(`registry:${EVENTS_TOKEN}`)}`],
    ['the token without a scheme', EVENTS_TOKEN],
    ['the ADMIN_TOKEN', `Bearer ${ADMIN_TOKEN}`],
    ['an empty token', 'Bearer '],
  ])('answers %s with 401 and forgets nothing', async (_what, authorization) => {
    const edge = createEdge({ EVENTS_TOKEN, ADMIN_TOKEN });
    const { deleted, isCached } = await warmBlob(edge);
    const body = JSON.stringify({ events: [deleted] });
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const response = await edge.fetch(EVENTS_PATH, { method: 'POST', headers, body });
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="registry-edge"']);
    expect(await errorOf(response)).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(await isCached()).toBe(true);
    // The credential is checked before the method and the body.
    expect((await edge.fetch(EVENTS_PATH, { method: 'GET', headers })).status).toBe(401);
    expect((await edge.fetch(EVENTS_PATH, { method: 'POST', headers, body: 'no JSON' })).status).toBe(401);
  });

  it('accepts EVENTS_TOKEN and ADMIN_TOKEN each only on its own path', async () => {
    const edge = createEdge({ EVENTS_TOKEN, ADMIN_TOKEN });
    expect((await edge.fetch(`/_edge/cache/${uniqueName()}`, { method: 'DELETE', headers: REGISTRY })).status).toBe(
      401,
    );
    expect((await edge.fetch(`/_edge/cache/${uniqueName()}`, { method: 'DELETE', headers: OPERATOR })).status).toBe(
      200,
    );
  });

  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'answers %s with 405, and names POST in Allow',
    async (method) => {
      const response = await createEdge({ EVENTS_TOKEN }).fetch(EVENTS_PATH, { method, headers: REGISTRY });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
      expect(await response.text()).toContain(method === 'HEAD' ? '' : 'UNSUPPORTED');
    },
  );
});

describe('POST /_edge/events: what is not an envelope gets a 400 and changes nothing', () => {
  it.each<[string, BodyInit]>([
    ['an empty body', ''],
    ['a truncated envelope', JSON.stringify({ events: [{ action: 'delete' }] }).slice(0, -2)],
    ['a form', new URLSearchParams({ events: '[]' })],
    ['bytes that are not text', new Uint8Array([0xff, 0xfe, 0x00])],
    ['an object without events', '{}'],
    ['a bare list of events', '[{"action":"delete","target":{"repository":"a"}}]'],
  ])('%s', async (_what, body) => {
    const response = await sendEnvelope(createEdge({ EVENTS_TOKEN }), body);
    expect([response.status, await errorOf(response)]).toMatchObject([400, { code: 'REQUEST_INVALID' }]);
  });

  it('an envelope that breaks off', async () => {
    const edge = createEdge({ EVENTS_TOKEN });
    const { deleted, isCached } = await warmBlob(edge);
    const whole = new TextEncoder().encode(JSON.stringify({ events: [deleted] }));
    const broken = new ReadableStream({
      pull(controller) {
        controller.enqueue(whole);
        controller.error(new Error('the registry left'));
      },
    });
    const response = await sendEnvelope(edge, broken);
    expect([response.status, await errorOf(response)]).toMatchObject([
      400,
      { message: 'the envelope broke off: send it again, whole' },
    ]);
    expect(await isCached()).toBe(true);
  });
});

describe('POST /_edge/events: a failing store', () => {
  it('answers 503, so that the registry sends the event again, which then counts', async () => {
    let isDown = false;
    const namespace = {
      get: (...args: Parameters<DescriptorNamespace['get']>) => env.DESCRIPTORS.get(...args),
      put: (...args: Parameters<DescriptorNamespace['put']>) =>
        isDown ? Promise.reject(new Error('KV: 429')) : env.DESCRIPTORS.put(...args),
    } as DescriptorNamespace;
    const edge = createEdge({ EVENTS_TOKEN }, { namespace });
    const { deleted, isCached } = await warmBlob(edge);
    isDown = true;
    const response = await sendEvents(edge, deleted);
    expect([response.status, await errorOf(response)]).toMatchObject([503, { code: 'UNAVAILABLE' }]);
    isDown = false;
    expect((await sendEvents(edge, deleted)).status).toBe(204);
    expect(await isCached()).toBe(false);
  });

  const { deleted, untagged, repositoryDeleted, pushed, pulled, pushedBlob, mounted } = eventsOf(uniqueName());
  it.each<[string, number, SentEvent]>([
    ['a delete by digest', 503, deleted(uniqueDigest())],
    ['a delete of a tag', 503, untagged('latest')],
    ['a delete of a repository', 503, repositoryDeleted()],
    ['a push with a tag', 503, pushed(uniqueDigest(), 'latest')],
    ['a push without a tag', 204, pushed(uniqueDigest())],
    ['a push of a blob', 204, pushedBlob(uniqueDigest())],
    ['a pull', 204, pulled(uniqueDigest(), 'latest')],
    ['a mount', 204, mounted(uniqueDigest())],
  ])('answers %s while Redis is unreachable with %i', async (_what, status, event) => {
    const edge = createEdge({ ...REDIS, EVENTS_TOKEN, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1' });
    expect((await sendEvents(edge, event)).status).toBe(status);
  });
});
