import { describe, expect, inject, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge } from '../support/edge.ts';
import { grant } from '../support/grant.ts';
import { rig } from '../support/push.ts';
import { asking, newManifest, type PushedManifest, pushManifest, STORES } from '../support/pushManifest.ts';
import { putOf } from '../support/uploading.ts';

const EVENTS_TOKEN = 'events-token-of-16';

/** What moves a tag from one manifest to another, or takes it away. */
const MOVES: [string, (edge: Edge, to: PushedManifest, tag: string) => Promise<Response>][] = [
  ['a PUT of the tag', (edge, to, tag) => edge.fetch(`/v2/${to.name}/manifests/${tag}`, putOf(to))],
  ['a PUT by digest with ?tag=', (edge, to, tag) => edge.fetch(`${to.path}?tag=other&tag=${tag}`, putOf(to))],
  [
    'a PUT of which the origin says OCI-Tag',
    async (edge, to, tag) => {
      const headers = { 'oci-tag': `x, ${tag}`, 'docker-content-digest': to.digest };
      await rig.rule({ prefix: to.path, method: 'PUT', status: 201, headers });
      return edge.fetch(to.path, putOf(to));
    },
  ],
  [
    'a PUT of which nobody knows whether it was taken',
    async (edge, to, tag) => {
      await rig.rule({ prefix: `/v2/${to.name}/manifests/${tag}`, method: 'PUT', status: 504 });
      return edge.fetch(`/v2/${to.name}/manifests/${tag}`, putOf(to));
    },
  ],
  ['its DELETE', (edge, to, tag) => edge.fetch(`/v2/${to.name}/manifests/${tag}`, { method: 'DELETE' })],
  ['the event of a push', (edge, to, tag) => notify(edge, { action: 'push', target: targetOf(to, tag) })],
  [
    'the event of its delete',
    (edge, to, tag) => notify(edge, { action: 'delete', target: { repository: to.name, tag } }),
  ],
];

const targetOf = ({ name, digest, mediaType }: PushedManifest, tag: string) => ({
  repository: name,
  digest,
  mediaType,
  tag,
});

function notify(edge: Edge, event: object): Promise<Response> {
  const headers = { authorization: `Bearer ${EVENTS_TOKEN}` };
  return edge.fetch('/_edge/events', { method: 'POST', headers, body: JSON.stringify({ events: [event] }) });
}

/** How the edge came to know where the tag leads. */
const WAYS: [string, (edge: Edge, manifest: PushedManifest) => Promise<Response>][] = [
  ['its PUT', (edge, manifest) => edge.fetch(manifest.tagPath, putOf(manifest))],
  ['a GET of it', (edge, manifest) => edge.fetch(manifest.tagPath, asking('GET'))],
  ['a HEAD of it', (edge, manifest) => edge.fetch(manifest.tagPath, asking('HEAD'))],
];

describe.each(STORES)(
  'at a registry that deletes a manifest when its tag moves (zot), cache in %s',
  (store, variables) => {
    /** An edge, and with Redis another one that moves the tag. */
    async function edges(name: string): Promise<[Edge, Edge]> {
      const one = createEdge({ ...variables, EVENTS_TOKEN });
      const other = store === 'redis' ? createEdge({ ...variables, EVENTS_TOKEN }) : one;
      for (const edge of new Set([one, other])) await grant(edge, { name });
      return [one, other];
    }

    it.each(MOVES.flatMap(([move, moveIt]) => WAYS.map(([way, learn]) => [move, way, moveIt, learn] as const)))(
      '%s forgets the manifest that %s showed',
      async (_move, _way, moveIt, learn) => {
        const old = await pushManifest();
        const [edge, mover] = await edges(old.name);
        await learn(edge, old);
        await edge.fetch(old.path, asking('HEAD'));
        expect(cacheStatusOf(await edge.fetch(old.path, asking('HEAD')))).toContain('; hit');
        const tag = old.tagPath.split('/').at(-1) ?? '';
        await moveIt(mover, await newManifest({ name: old.name }), tag);
        await fetch(inject('originUrl') + old.path, { method: 'DELETE' });
        for (const one of [edge, mover]) expect((await one.fetch(old.path, asking('HEAD'))).status).toBe(404);
      },
    );

    it('a manifest that was known before the tag led to it is forgotten, too', async () => {
      const old = await pushManifest();
      const [edge, mover] = await edges(old.name);
      await edge.fetch(old.path, asking('GET'));
      for (const method of ['GET', 'HEAD'] as const) await edge.fetch(old.tagPath, asking(method));
      const moved = await newManifest({ name: old.name });
      await mover.fetch(old.tagPath, putOf(moved));
      await fetch(inject('originUrl') + old.path, { method: 'DELETE' });
      expect((await edge.fetch(old.path, asking('GET'))).status).toBe(404);
    });

    it('what a read of the tag brings that was under way is neither kept nor noted', async () => {
      const old = await pushManifest();
      const [edge, mover] = await edges(old.name);
      const holdAs = crypto.randomUUID();
      const headers = {
        'content-type': old.mediaType,
        'docker-content-digest': old.digest,
        'content-length': String(old.bytes.length),
      };
      await rig.rule({ prefix: old.tagPath, method: 'GET', holdAs, times: 1, status: 200, headers, body: old.bytes });
      const reading = edge.send(old.tagPath, asking('GET'));
      await expect
        .poll(async () => (await rig.requests(old.tagPath)).filter(({ method }) => method === 'GET').length)
        .toBe(1);
      for (const one of new Set([edge, mover])) one.clock.advance(1);
      const moved = await newManifest({ name: old.name });
      expect((await mover.fetch(old.tagPath, putOf(moved))).status).toBe(201);
      await rig.release(holdAs);
      expect((await reading.answer).status).toBe(200);
      await reading.over;
      await fetch(inject('originUrl') + old.path, { method: 'DELETE' });
      for (const one of new Set([edge, mover])) {
        one.clock.advance(10_000);
        expect((await one.fetch(old.path, asking('GET'))).status).toBe(404);
      }
      // The next move still knows where the tag leads.
      await mover.fetch(moved.path, asking('HEAD'));
      expect(cacheStatusOf(await mover.fetch(moved.path, asking('HEAD')))).toContain('; hit');
      await mover.fetch(old.tagPath, putOf(await newManifest({ name: old.name })));
      await fetch(inject('originUrl') + moved.path, { method: 'DELETE' });
      expect((await mover.fetch(moved.path, asking('HEAD'))).status).toBe(404);
    });

    it('the manifest that is pushed again under its tag is not forgotten', async () => {
      const manifest = await pushManifest();
      const [edge] = await edges(manifest.name);
      for (let n = 0; n < 3; n++) {
        await edge.fetch(manifest.tagPath, putOf(manifest));
        expect(cacheStatusOf(await edge.fetch(manifest.path, asking('HEAD')))).toContain('; hit');
      }
    });
  },
);
