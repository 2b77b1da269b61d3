import { describe, expect, it } from 'vitest';
import { uniqueDigest, uniqueName } from '../../support/digests.ts';
import { createEdge } from '../../support/edge.ts';
import { OCI_MANIFEST } from '../../support/pushManifest.ts';
import { createScriptedServer } from '../../support/scripted.ts';
import { putOf } from '../../support/uploading.ts';

/** Long enough that the coded body is much shorter. */
const BODY = JSON.stringify({ tags: Array.from({ length: 500 }, (_, n) => `tag-${n}`) });
const MIRROR = { CLIENT_AUTH: 'anonymous', LIST_TTL: '30s' };
const PUT = putOf({ bytes: '{}', mediaType: OCI_MANIFEST });

describe.each(['gzip', 'br'] as const)(
  'the client receives the whole of an answer that the origin coded with %s',
  (coding) => {
    it.each<[what: string, path: string, status: number, variables?: Record<string, string>, init?: RequestInit]>([
      ['a list of tags', 'tags/list', 200],
      ['a list of tags, from an open mirror', 'tags/list', 200, MIRROR],
      ['referrers', `referrers/${uniqueDigest()}`, 200],
      ['a manifest by its tag', 'manifests/latest', 200],
      ['a manifest by its digest', `manifests/${uniqueDigest()}`, 200],
      ['a manifest, from an open mirror', 'manifests/latest', 200, MIRROR],
      ['a 404 of a manifest', 'manifests/latest', 404],
      ['a 404 of a blob', `blobs/${uniqueDigest()}`, 404],
      ['a challenge', 'manifests/latest', 401],
      ['a 503', 'tags/list', 503],
      ['the refusal of a manifest', 'manifests/latest', 400, {}, PUT],
      ['a blob', `blobs/${uniqueDigest()}`, 200],
    ])('%s', async (_what, path, status, variables = {}, init = {}) => {
      const headers = { 'content-type': 'application/json', 'docker-content-digest': uniqueDigest() };
      const origin = createScriptedServer({ status, coding, headers, body: BODY });
      const edge = createEdge({ ORIGIN_URL: origin.url, ...variables });
      const { answer } = edge.send(`/v2/${uniqueName()}/${path}`, init);
      const response = await answer;
      expect([response.status, response.headers.get('content-encoding')]).toEqual([status, coding]);
      expect(await response.text()).toBe(BODY);
    });
  },
);
