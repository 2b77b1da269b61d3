import { describe, expect, inject, it } from 'vitest';
import { createBytesEdge, pull } from '../support/bytes.ts';
import {
  headEach,
  manifestNaming,
  type NewImage,
  newImage,
  PAST_WINDOW_MS,
  put,
  watchOrigin,
} from '../support/commit.ts';
import { DELETE } from '../support/deletes.ts';
import { createEdge, type Edge } from '../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, sendEvents } from '../support/events.ts';
import { earnGrant } from '../support/grant.ts';
import { ADMIN_TOKEN, purge } from '../support/purge.ts';
import { type Pushed, pushBlob, rig } from '../support/push.ts';
import { createScriptedServer } from '../support/scripted.ts';
import { SHARED_STORES } from '../support/stores.ts';

const CALLER = { authorization: 'Basic cHVzaGVyOnNlY3JldA==' };

/** The origin loses a blob behind the edge's back, as registries that collect garbage too eagerly do. */
async function lose({ path }: Pushed): Promise<void> {
  expect((await fetch(inject('originUrl') + path, { method: 'DELETE' })).status).toBe(202);
}

const atOrigin = async ({ path }: Pushed) => (await fetch(inject('originUrl') + path)).text();

/** Lets an edge have the bytes of an image's blobs, confirmed longer ago than its window; the caller has a grant. */
async function pulledLongAgo(edge: Edge, { blobs, manifest }: NewImage): Promise<void> {
  for (const { path } of blobs) await pull(edge, path, CALLER);
  await headEach(edge, blobs, CALLER);
  edge.clock.advance(PAST_WINDOW_MS);
  await earnGrant(edge, manifest, CALLER);
}

async function setup(variables: Record<string, string> = {}) {
  const [edge, image] = [createBytesEdge(variables), await newImage()];
  await pulledLongAgo(edge, image);
  const [, lost] = image.blobs as [Pushed, Pushed];
  return { edge, image, lost };
}

/** Returns what the edge did to bring blobs back. */
function restoresOf({ log }: Edge): string[] {
  return log.flatMap((line) => {
    const { kind, outcome } = JSON.parse(line) as Record<string, string>;
    return kind === 'restore' ? [outcome ?? ''] : [];
  });
}

describe('a manifest whose blob the origin has lost, and the edge has the bytes', () => {
  it('goes on at once: the blob is uploaded again with the caller’s credential', async () => {
    const { edge, image, lost } = await setup();
    await lose(lost);
    const asked = await watchOrigin(lost);
    expect((await put(edge, image.manifest, CALLER)).status).toBe(201);
    expect((await asked()).filter((each) => !each.startsWith('HEAD')).map((each) => each.split(' ')[0])).toEqual([
      'POST',
      'PUT',
      'PUT',
    ]);
    expect(await atOrigin(lost)).toBe(lost.bytes);
    expect([restoresOf(edge), edge.log.join().includes('had lost a blob')]).toEqual([['done'], true]);
    const uploads = (await rig.requests(`/v2/${lost.name}/blobs/uploads/`)).slice(-2);
    for (const { headers } of uploads) expect(headers).toMatchObject(CALLER);
    expect(uploads[1]?.headers).toMatchObject({
      'content-length': String(lost.bytes.length),
      'content-type': 'application/octet-stream',
    });
    // It is confirmed: the next manifest needs no question.
    const next = await manifestNaming(image.blobs);
    expect((await put(edge, next, CALLER)).status).toBe(201);
    expect(await next.questions()).toEqual([`PUT ${next.digest}`]);
  });

  it('goes on also after a HEAD whose question to the origin has evicted the entry', async () => {
    const { edge, image, lost } = await setup();
    await lose(lost);
    expect(await headEach(edge, [lost], CALLER)).toEqual([200]);
    expect((await put(edge, image.manifest, CALLER)).status).toBe(201);
    expect([restoresOf(edge), await atOrigin(lost)]).toEqual([['done'], lost.bytes]);
  });

  it('is refused after such a HEAD if the blob was deleted in the meantime', async () => {
    const { edge, image, lost } = await setup({ ADMIN_TOKEN });
    await lose(lost);
    expect(await headEach(edge, [lost], CALLER)).toEqual([200]);
    await purge(edge, `${lost.name}@${lost.digest}`);
    expect((await put(edge, image.manifest, CALLER)).status).toBe(400);
    expect(restoresOf(edge)).toEqual([]);
  });

  it('brings back up to five blobs', async () => {
    for (const [layers, status] of [
      [5, 201],
      [6, 400],
    ] as const) {
      const [edge, image] = [createBytesEdge(), await newImage(6)];
      await pulledLongAgo(edge, image);
      for (const blob of image.blobs.slice(0, layers)) await lose(blob);
      expect((await put(edge, image.manifest, CALLER)).status).toBe(status);
      expect(restoresOf(edge)).toHaveLength(status === 201 ? layers : 0);
    }
  });

  it.each<[string, (edge: Edge, lost: Pushed) => Promise<unknown>]>([
    ['a delete through the edge', (edge, lost) => edge.fetch(lost.path, DELETE)],
    [
      'an event',
      async (edge, lost) => [await sendEvents(edge, eventsOf(lost.name).deleted(lost.digest)), await lose(lost)],
    ],
    ['a purge', async (edge, lost) => [await purge(edge, `${lost.name}@${lost.digest}`), await lose(lost)]],
  ])('is refused after %s: what was removed is not brought back', async (_what, remove) => {
    const { edge, image, lost } = await setup({ EVENTS_TOKEN, ADMIN_TOKEN });
    await remove(edge, lost);
    expect((await put(edge, image.manifest, CALLER)).status).toBe(400);
    expect([restoresOf(edge), (await fetch(inject('originUrl') + lost.path)).status]).toEqual([[], 404]);
  });

  it('is refused where only another repository had the blob', async () => {
    const { edge, image } = await setup();
    const secret = await pushBlob();
    await pull(edge, secret.path, CALLER);
    const own = image.blobs[0] as Pushed;
    const manifest = await manifestNaming([
      own,
      { ...secret, name: own.name, path: secret.path.replace(secret.name, own.name) },
    ]);
    expect((await put(edge, manifest, CALLER)).status).toBe(400);
    expect(restoresOf(edge)).toEqual([]);
  });

  it('is refused for a caller who has proved HEADs only', async () => {
    const { edge, image, lost } = await setup();
    await lose(lost);
    const other = { authorization: 'Basic cHVzaG9ubHk6c2VjcmV0' };
    await earnGrant(edge, image.manifest, other, ['HEAD blobs']);
    expect((await put(edge, image.manifest, other)).status).toBe(400);
    expect(restoresOf(edge)).toEqual([]);
  });

  it('is refused where the edge does not have the bytes, or keeps none', async () => {
    for (const edge of [createBytesEdge({ BLOB_MAX_BYTES: '1MiB' }), createEdge()]) {
      const image = await newImage();
      await headEach(edge, image.blobs, CALLER);
      edge.clock.advance(PAST_WINDOW_MS);
      await earnGrant(edge, image.manifest, CALLER);
      const [, lost] = image.blobs as [Pushed, Pushed];
      await lose(lost);
      expect((await put(edge, image.manifest, CALLER)).status).toBe(400);
      expect(restoresOf(edge)).not.toContain('done');
    }
  });

  it.each([401, 403, 413, 500])('is refused where the origin answers the upload with %i', async (status) => {
    const { edge, image, lost } = await setup();
    await lose(lost);
    await rig.rule({ prefix: `/v2/${lost.name}/blobs/uploads/`, method: 'PUT', status });
    expect((await put(edge, image.manifest, CALLER)).status).toBe(400);
    expect(restoresOf(edge)).toEqual(['failed']);
  });

  it('is refused where the upload would go to another host', async () => {
    const { edge, image, lost } = await setup();
    await lose(lost);
    const elsewhere = createScriptedServer({ status: 201 });
    const headers = { location: `${elsewhere.url}/v2/${lost.name}/blobs/uploads/1` };
    await rig.rule({ prefix: `/v2/${lost.name}/blobs/uploads/`, method: 'POST', status: 202, headers });
    expect((await put(edge, image.manifest, CALLER)).status).toBe(400);
    expect([restoresOf(edge), await elsewhere.calls()]).toEqual([['failed'], []]);
  });

  it.each(SHARED_STORES.filter(({ name }) => name !== 'durable'))(
    'is refused with the cache in $name, which may not show a delete yet',
    async ({ variables }) => {
      const { edge, image, lost } = await setup(variables);
      await lose(lost);
      expect((await put(edge, image.manifest, CALLER)).status).toBe(400);
      expect(restoresOf(edge)).toEqual([]);
    },
  );
});
