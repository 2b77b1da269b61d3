import { describe, expect, inject, it } from 'vitest';
import { createClock } from '../../support/context.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, sendEvents } from '../../support/events.ts';
import { earnGrant } from '../../support/grant.ts';
import { laggingKv } from '../../support/laggingKv.ts';
import { pushBlob } from '../../support/push.ts';
import { manifestRequest, pushManifest, UNCHECKED } from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';

// docs/pushing.md, "Deletes", says how long content may still be answered after the reply. Each row is a cell of its
// table.

const SECOND_MS = 1_000;
const TTLS = { MEMORY_TTL: '30s', TAG_TTL: '10s', PUSH_EXISTENCE_TTL: '5m', DESCRIPTOR_TTL: '1h', ...UNCHECKED };
const [MEMORY_MS, TAG_MS, PUSH_MS, DESCRIPTOR_MS] = [30, 10, 300, 3_600].map((seconds) => seconds * SECOND_MS) as [
  number,
  number,
  number,
  number,
];
const LAG_MS = 60 * SECOND_MS;

type What = 'a blob' | 'a manifest' | 'a tag';
type Isolate = 'the same isolate' | 'another isolate';

/** `boundMs`: how long the content may still be answered, 0: not at all; `lagMs`: how long KV lags. */
type Cell = [store: string, who: 'may push' | 'only pulls', Isolate, What, boundMs: number, lagMs?: number];

const BY_DIGEST: What[] = ['a blob', 'a manifest'];
const CELLS: Cell[] = BY_DIGEST.flatMap((what): Cell[] => [
  ['durable', 'may push', 'the same isolate', what, 0],
  ['durable', 'may push', 'another isolate', what, 0],
  ['durable', 'only pulls', 'the same isolate', what, 0],
  ['durable', 'only pulls', 'another isolate', what, MEMORY_MS],
  ['redis', 'may push', 'the same isolate', what, 0],
  ['redis', 'may push', 'another isolate', what, 0],
  ['kv', 'may push', 'the same isolate', what, 0],
  ['kv', 'may push', 'another isolate', what, LAG_MS],
  ['kv', 'may push', 'another isolate', what, PUSH_MS, 2 * PUSH_MS],
  ['memory', 'may push', 'the same isolate', what, 0],
  ['memory', 'may push', 'another isolate', what, PUSH_MS],
  ['redis', 'only pulls', 'the same isolate', what, 0],
  ['kv', 'only pulls', 'the same isolate', what, 0],
  ['memory', 'only pulls', 'the same isolate', what, 0],
  ['redis', 'only pulls', 'another isolate', what, MEMORY_MS],
  ['kv', 'only pulls', 'another isolate', what, MEMORY_MS + LAG_MS],
  ['memory', 'only pulls', 'another isolate', what, DESCRIPTOR_MS],
]);
CELLS.push(
  ...STORES.flatMap(({ name: store, sharesTags }): Cell[] => [
    [store, 'may push', 'the same isolate', 'a tag', 0],
    [store, 'may push', 'another isolate', 'a tag', 0],
    [store, 'only pulls', 'the same isolate', 'a tag', 0],
    [store, 'only pulls', 'another isolate', 'a tag', sharesTags ? 0 : TAG_MS],
  ]),
);

const variablesOf = new Map(STORES.map(({ name, variables }) => [name, variables]));

async function contentOf(what: What) {
  const manifest = await pushManifest();
  const blob = await pushBlob(undefined, manifest.name);
  const digest = what === 'a blob' ? blob.digest : manifest.digest;
  const path = { 'a blob': blob.path, 'a manifest': manifest.path, 'a tag': manifest.tagPath }[what];
  return { name: manifest.name, digest, path, tag: manifest.tagPath.split('/').at(-1) ?? '' };
}
type Content = Awaited<ReturnType<typeof contentOf>>;

/** Deletes the content: through an edge that accepts deletes, or at the origin, which sends a mirror the event. */
async function remove(edge: Edge, { name, digest, path, tag }: Content, what: What, isMirror: boolean): Promise<void> {
  if (!isMirror) {
    expect((await edge.fetch(path, { method: 'DELETE' })).status).toBe(202);
    return;
  }
  expect((await fetch(inject('originUrl') + path, { method: 'DELETE' })).status).toBe(202);
  const { untagged, deleted } = eventsOf(name);
  expect((await sendEvents(edge, what === 'a tag' ? untagged(tag) : deleted(digest))).status).toBe(204);
}

const rows = CELLS.filter(([store]) => variablesOf.has(store));

describe('after the reply to a delete the content is still answered', () => {
  it.each(rows)(
    'from %s, to a caller that %s, by %s, of %s: for at most %i ms',
    async (store, who, isolate, what, boundMs, lagMs = LAG_MS) => {
      const isMirror = who === 'only pulls';
      const variables = {
        ...variablesOf.get(store),
        ...TTLS,
        EVENTS_TOKEN,
        CLIENT_AUTH: isMirror ? 'anonymous' : 'origin',
      };
      const clock = createClock(Date.now());
      const one = createEdge(variables, { clock });
      const elsewhere = store === 'kv' ? { namespace: laggingKv(clock, lagMs) } : {};
      const asker = isolate === 'the same isolate' ? one : createEdge(variables, { clock, ...elsewhere });
      const content = await contentOf(what);
      const ask = async () => {
        if (!isMirror) await earnGrant(asker, content);
        return asker.fetch(content.path, manifestRequest('HEAD'));
      };
      for (let n = 0; n < 2; n++) expect((await ask()).status).toBe(200);
      await earnGrant(one, content);
      await remove(one, content, what, isMirror);

      const hits: number[] = [];
      for (let ms = 0; ms < boundMs; ms += Math.max(SECOND_MS, boundMs / 20)) {
        const answer = await ask();
        if (answer.status === 200) hits.push(ms);
        else expect(cacheStatusOf(answer)).not.toContain('; hit');
        clock.advance(Math.max(SECOND_MS, boundMs / 20));
      }
      const last = await ask();
      expect([last.status, cacheStatusOf(last)?.includes('; hit')]).toEqual([404, false]);
      // A bound above 0 must be needed.
      expect(hits.length > 0).toBe(boundMs > 0);
    },
  );
});
