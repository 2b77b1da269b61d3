import { describe, expect, inject, it } from 'vitest';
import { createEdge } from '../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, sendEvents } from '../support/events.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';
import { STORES } from '../support/stores.ts';

const MIRROR = { EVENTS_TOKEN, CLIENT_AUTH: 'anonymous', TAG_TTL: '1h' };

describe.each(STORES)(
  'a tag whose manifest is deleted and then pushed again under another tag, in $name',
  ({ variables }) => {
    it.each(['HEAD', 'GET'] as const)('answers nobody from the cache: %s', async (method) => {
      const old = await pushManifest({ tag: 'old' });
      const edge = createEdge({ ...variables, ...MIRROR });
      for (const path of [old.tagPath, old.path])
        expect((await edge.fetch(path, manifestRequest(method))).status).toBe(200);

      const deleted = await fetch(inject('originUrl') + old.path, { method: 'DELETE' });
      expect(deleted.status).toBe(202);
      await sendEvents(edge, eventsOf(old.name).deleted(old.digest));
      // Longer than the tombstone reaches, so that the manifest's entry counts again.
      edge.clock.advance(6_000);
      await pushManifest({ name: old.name, tag: 'new', bytes: old.bytes });
      expect((await edge.fetch(old.path, manifestRequest(method))).status).toBe(200);

      expect((await edge.fetch(old.tagPath, manifestRequest(method))).status).toBe(404);
    });
  },
);
