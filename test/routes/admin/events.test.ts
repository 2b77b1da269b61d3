import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { DescriptorNamespace } from '../../../src/stores/kv/namespace.ts';
import { someDigest, someName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, type SentEvent, tell } from '../../support/events.ts';
import { type Pushed, pushBlob } from '../../support/push.ts';
import { REDIS } from '../../support/pushManifest.ts';

const PATH = '/_edge/events';
const HEAD = { method: 'HEAD' };
const TOLD = { EVENTS_TOKEN };
const BEARER = { authorization: `Bearer ${EVENTS_TOKEN}` };
const NOTHING = '{"events":[]}';

const send = (edge: Edge, body: BodyInit, path = PATH) => edge.fetch(path, { method: 'POST', headers: BEARER, body });
const codeOf = async (response: Response) =>
  ((await response.json()) as { errors: { code: string; message: string }[] }).errors[0];

/** A blob that the edge answers from the cache, and the event that would end that. */
async function warm(edge: Edge): Promise<{ blob: Pushed; deleted: SentEvent; isKnown(): Promise<boolean> }> {
  const blob = await pushBlob();
  await edge.fetch(blob.path, HEAD);
  const isKnown = async () => cacheStatusOf(await edge.fetch(blob.path, HEAD))?.includes('hit') ?? false;
  expect(await isKnown()).toBe(true);
  return { blob, deleted: eventsOf(blob.name).deleted(blob.digest), isKnown };
}

describe('notifications: who may tell', () => {
  it('204 to the registry, without a body, and nobody keeps it', async () => {
    const response = await send(createEdge(TOLD), NOTHING);
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it.each(['POST', 'GET', 'HEAD', 'DELETE'])(
    '404 to %s where no EVENTS_TOKEN is set, ADMIN_TOKEN or not',
    async (method) => {
      for (const variables of [{}, { ADMIN_TOKEN: EVENTS_TOKEN }]) {
        expect((await createEdge(variables).fetch(PATH, { method, headers: BEARER })).status).toBe(404);
      }
    },
  );

  it.each([`${PATH}/other`, `${PATH}/a/b`, `${PATH}x`])('404 at %s: there is no such upstream', async (path) => {
    for (const variables of [TOLD, {}]) {
      const response = await send(createEdge(variables), NOTHING, path);
      expect([response.status, await codeOf(response)]).toMatchObject([404, { code: 'NAME_UNKNOWN' }]);
    }
  });

  it.each([
    ['nothing', undefined],
    ['another token', 'Bearer registries-know-that'],
    ['a longer one', `Bearer ${EVENTS_TOKEN}x`],
    ['a shorter one', `Bearer ${EVENTS_TOKEN.slice(0, -1)}`],
    ['it in capitals', `Bearer ${EVENTS_TOKEN.toUpperCase()}`],
    ['it twice', `Bearer ${EVENTS_TOKEN} ${EVENTS_TOKEN}`],
    ['it as a password', `Basic ${btoa(`registry:${EVENTS_TOKEN}`)}`],
    ['it bare', EVENTS_TOKEN],
    ['the token of operators', 'Bearer operators-know-this'],
    ['an empty one', 'Bearer '],
  ])('401 to who shows %s, and nothing is forgotten', async (_what, authorization) => {
    const edge = createEdge({ ...TOLD, ADMIN_TOKEN: 'operators-know-this' });
    const { deleted, isKnown } = await warm(edge);
    const body = JSON.stringify({ events: [deleted] });
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const response = await edge.fetch(PATH, { method: 'POST', headers, body });
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="registry-edge"']);
    expect(await codeOf(response)).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(await isKnown()).toBe(true);
    // Before what else is wrong is told.
    expect((await edge.fetch(PATH, { method: 'GET', headers })).status).toBe(401);
    expect((await edge.fetch(PATH, { method: 'POST', headers, body: 'no JSON' })).status).toBe(401);
  });

  it('a token for one of the two does not open the other', async () => {
    const edge = createEdge({ ...TOLD, ADMIN_TOKEN: 'operators-know-this' });
    const operator = { authorization: 'Bearer operators-know-this' };
    expect((await edge.fetch(`/_edge/cache/${someName()}`, { method: 'DELETE', headers: BEARER })).status).toBe(401);
    expect((await edge.fetch(`/_edge/cache/${someName()}`, { method: 'DELETE', headers: operator })).status).toBe(200);
  });

  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    '405 to %s, which says what is taken',
    async (method) => {
      const response = await createEdge(TOLD).fetch(PATH, { method, headers: BEARER });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
      expect(await response.text()).toContain(method === 'HEAD' ? '' : 'UNSUPPORTED');
    },
  );
});

describe('notifications: what is no envelope is a 400 that changes nothing', () => {
  it.each<[string, BodyInit]>([
    ['without a body', ''],
    ['that is cut off', JSON.stringify({ events: [{ action: 'delete' }] }).slice(0, -2)],
    ['that is a form', new URLSearchParams({ events: '[]' })],
    ['that is no text', new Uint8Array([0xff, 0xfe, 0x00])],
    ['without events', '{}'],
    ['that is a list', '[{"action":"delete","target":{"repository":"a"}}]'],
  ])('%s', async (_what, body) => {
    const response = await send(createEdge(TOLD), body);
    expect([response.status, await codeOf(response)]).toMatchObject([400, { code: 'REQUEST_INVALID' }]);
  });

  it('that breaks off', async () => {
    const edge = createEdge(TOLD);
    const { deleted, isKnown } = await warm(edge);
    const whole = new TextEncoder().encode(JSON.stringify({ events: [deleted] }));
    const broken = new ReadableStream({
      pull(controller) {
        controller.enqueue(whole);
        controller.error(new Error('the registry left'));
      },
    });
    const response = await send(edge, broken);
    expect([response.status, await codeOf(response)]).toMatchObject([
      400,
      { message: 'the envelope broke off: send it again, whole' },
    ]);
    expect(await isKnown()).toBe(true);
  });
});

describe('notifications: a store that fails', () => {
  it('is a 503, so that the registry sends it again, and then it is forgotten', async () => {
    let isDown = false;
    const namespace = {
      get: (...args: Parameters<DescriptorNamespace['get']>) => env.DESCRIPTORS.get(...args),
      put: (...args: Parameters<DescriptorNamespace['put']>) =>
        isDown ? Promise.reject(new Error('KV: 429')) : env.DESCRIPTORS.put(...args),
    } as DescriptorNamespace;
    const edge = createEdge(TOLD, { namespace });
    const { deleted, isKnown } = await warm(edge);
    isDown = true;
    const response = await tell(edge, deleted);
    expect([response.status, await codeOf(response)]).toMatchObject([503, { code: 'UNAVAILABLE' }]);
    isDown = false;
    expect((await tell(edge, deleted)).status).toBe(204);
    expect(await isKnown()).toBe(false);
  });

  const { deleted, untagged, gone, pushed, pulled, pushedBlob, mounted } = eventsOf(someName());
  it.each<[string, number, SentEvent]>([
    ['a delete by digest', 503, deleted(someDigest())],
    ['a delete of a tag', 503, untagged('latest')],
    ['a delete of a repository', 503, gone()],
    ['a push with a tag', 503, pushed(someDigest(), 'latest')],
    ['a push without one', 204, pushed(someDigest())],
    ['a push of a blob', 204, pushedBlob(someDigest())],
    ['a pull', 204, pulled(someDigest(), 'latest')],
    ['a mount', 204, mounted(someDigest())],
  ])('%s, while Redis is out of reach: %i', async (_what, status, event) => {
    const edge = createEdge({ ...REDIS, ...TOLD, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1' });
    expect((await tell(edge, event)).status).toBe(status);
  });
});
