import { describe, expect, inject, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { rig } from '../support/push.ts';
import { manifestRequest, newManifest, type PushedManifest, pushManifest } from '../support/pushManifest.ts';
import { STORES } from '../support/stores.ts';
import { putOf } from '../support/uploading.ts';

const EVENTS_TOKEN = 'events-token-of-16';

/** Requests that move a tag to another manifest, or remove it. */
const MOVES: [string, (edge: Edge, to: PushedManifest, tag: string) => Promise<Response>][] = [
  ['a PUT of the tag', (edge, to, tag) => edge.fetch(`/v2/${to.name}/manifests/${tag}`, putOf(to))],
  ['a PUT by digest with ?tag=', (edge, to, tag) => edge.fetch(`${to.path}?tag=other&tag=${tag}`, putOf(to))],
  [
    'a PUT that the origin answers with OCI-Tag',
    async (edge, to, tag) => {
      const headers = { 'oci-tag': `x, ${tag}`, 'docker-content-digest': to.digest };
      await rig.rule({ prefix: to.path, method: 'PUT', status: 201, headers });
      return edge.fetch(to.path, putOf(to));
    },
  ],
  [
    'a PUT with an unknown outcome',
    async (edge, to, tag) => {
      await rig.rule({ prefix: `/v2/${to.name}/manifests/${tag}`, method: 'PUT', status: 504 });
      return edge.fetch(`/v2/${to.name}/manifests/${tag}`, putOf(to));
    },
  ],
  ['a DELETE of the tag', (edge, to, tag) => edge.fetch(`/v2/${to.name}/manifests/${tag}`, { method: 'DELETE' })],
  ['the event of a push', (edge, to, tag) => notify(edge, { action: 'push', target: targetOf(to, tag) })],
  [
    'the event of the tag’s delete',
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

/** Requests from which the edge learns where the tag points. */
const LESSONS: [string, (edge: Edge, manifest: PushedManifest) => Promise<Response>][] = [
  ['a PUT of the tag', (edge, manifest) => edge.fetch(manifest.tagPath, putOf(manifest))],
  ['a GET of the tag', (edge, manifest) => edge.fetch(manifest.tagPath, manifestRequest('GET'))],
  ['a HEAD of the tag', (edge, manifest) => edge.fetch(manifest.tagPath, manifestRequest('HEAD'))],
];

describe.each(STORES)(
  'at a registry that deletes a manifest when its tag moves (zot), with the cache in $name',
  ({ variables, sharesTags }) => {
    /** Makes an edge, and another one that moves the tag, if the store shares tags. */
    async function createEdges(name: string): Promise<[Edge, Edge]> {
      const one = createEdge({ ...variables, EVENTS_TOKEN });
      const other = sharesTags ? createEdge({ ...variables, EVENTS_TOKEN }) : one;
      for (const edge of new Set([one, other])) await earnGrant(edge, { name });
      return [one, other];
    }

    it.each(
      MOVES.flatMap(([move, moveTag]) => LESSONS.map(([lesson, learn]) => [move, lesson, moveTag, learn] as const)),
    )('%s clears the manifest to which the tag pointed according to %s', async (_move, _lesson, moveTag, learn) => {
      const old = await pushManifest();
      const [edge, mover] = await createEdges(old.name);
      await learn(edge, old);
      await edge.fetch(old.path, manifestRequest('HEAD'));
      expect(cacheStatusOf(await edge.fetch(old.path, manifestRequest('HEAD')))).toContain('; hit');
      const tag = old.tagPath.split('/').at(-1) ?? '';
      await moveTag(mover, await newManifest({ name: old.name }), tag);
      await fetch(inject('originUrl') + old.path, { method: 'DELETE' });
      for (const one of [edge, mover]) expect((await one.fetch(old.path, manifestRequest('HEAD'))).status).toBe(404);
    });

    it('a PUT of the tag clears a manifest that was stored before the tag was asked for', async () => {
      const old = await pushManifest();
      const [edge, mover] = await createEdges(old.name);
      await edge.fetch(old.path, manifestRequest('GET'));
      for (const method of ['GET', 'HEAD'] as const) await edge.fetch(old.tagPath, manifestRequest(method));
      const moved = await newManifest({ name: old.name });
      await mover.fetch(old.tagPath, putOf(moved));
      await fetch(inject('originUrl') + old.path, { method: 'DELETE' });
      expect((await edge.fetch(old.path, manifestRequest('GET'))).status).toBe(404);
    });

    it('a read of the tag that was in progress during the move is neither stored nor noted', async () => {
      const old = await pushManifest();
      const [edge, mover] = await createEdges(old.name);
      const holdAs = crypto.randomUUID();
      const headers = {
        'content-type': old.mediaType,
        'docker-content-digest': old.digest,
        'content-length': String(old.bytes.length),
      };
      await rig.rule({ prefix: old.tagPath, method: 'GET', holdAs, times: 1, status: 200, headers, body: old.bytes });
      const reading = edge.send(old.tagPath, manifestRequest('GET'));
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
        expect((await one.fetch(old.path, manifestRequest('GET'))).status).toBe(404);
      }
      // The next move still finds where the tag points.
      await mover.fetch(moved.path, manifestRequest('HEAD'));
      expect(cacheStatusOf(await mover.fetch(moved.path, manifestRequest('HEAD')))).toContain('; hit');
      await mover.fetch(old.tagPath, putOf(await newManifest({ name: old.name })));
      await fetch(inject('originUrl') + moved.path, { method: 'DELETE' });
      expect((await mover.fetch(moved.path, manifestRequest('HEAD'))).status).toBe(404);
    });

    it('a PUT of the same manifest under its tag does not clear it', async () => {
      const manifest = await pushManifest();
      const [edge] = await createEdges(manifest.name);
      for (let n = 0; n < 3; n++) {
        await edge.fetch(manifest.tagPath, putOf(manifest));
        expect(cacheStatusOf(await edge.fetch(manifest.path, manifestRequest('HEAD')))).toContain('; hit');
      }
    });
  },
);
