import { beforeAll, expect, test } from 'vitest';
import { upload } from './support/blobs.ts';
import { type Edge, startEdge } from './support/edge.ts';
import type { Answer } from './support/http.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { startRegistry } from './support/registry.ts';
import { describeSetups, type Setup } from './support/setups.ts';
import { BLOB, CONTENT, TALKS, type Talk } from './support/talks.ts';
import { finish, onward, openUpload, patchRange, patchStreamed, putWhole } from './support/uploads.ts';

const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin' },
];
const NAME = 'team/app';
/** Which has all the blobs. */
const OTHER = 'team/other';

/** What other registries say and neither of these two does: on every answer here, so that it is asked of all. */
const ADDED = [
  ['OCI-Chunk-Min-Length', '1048576'],
  ['OCI-Subject', CONTENT.manifest.digest],
  ['OCI-Tag', 'v2'],
  ['OCI-Tag', 'v3'],
  ['OCI-Filters-Applied', 'artifactType'],
  ['Warning', '299 - "this tag is going away"'],
  ['Warning', '299 - "so is this one, soon"'],
  ['Retry-After', '7'],
  ['RateLimit-Limit', '100;w=21600'],
  ['X-Of-The-Origin', 'yes'],
] as const;

/** Between two neighbours, of the moment, or the edge's own. */
const NOT_COMPARED = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'date',
  'cache-control',
  'cache-status',
  'server-timing',
]);

/** The headers by which an origin knows how much there is to read, and of what. */
const ABOUT_CONTENT = new Set(['content-length', 'content-range', 'content-type', 'transfer-encoding']);

interface Sending {
  readonly what: string;
  readonly method: string;
  /** What the origin hears of the content. */
  readonly heard: Readonly<Record<string, string>>;
  send(url: string): Promise<Answer>;
}

const TYPE = { 'content-type': 'application/octet-stream' };
const SENDINGS: readonly Sending[] = [
  {
    what: 'a POST of nothing',
    method: 'POST',
    heard: { 'content-length': '0' },
    send: (url) => openUpload(url, NAME),
  },
  {
    what: 'a PUT of all the bytes',
    method: 'PUT',
    heard: { ...TYPE, 'content-length': '1000' },
    send: async (url) => putWhole(await session(url), BLOB.digest, 1_000, BLOB.bytes),
  },
  {
    what: 'a PUT of nothing',
    method: 'PUT',
    heard: { 'content-length': '0' },
    send: async (url) => finish(await session(url), BLOB.digest),
  },
  {
    what: 'a PATCH without a length',
    method: 'PATCH',
    heard: { ...TYPE, 'transfer-encoding': 'chunked' },
    send: async (url) => patchStreamed(await session(url), BLOB.bytes),
  },
  {
    what: 'a PATCH with a Content-Range',
    method: 'PATCH',
    heard: { ...TYPE, 'content-length': '300', 'content-range': '0-299' },
    send: async (url) => patchRange(await session(url), 0, 300, BLOB.bytes.subarray(0, 300)),
  },
];

async function session(url: string): Promise<string> {
  return onward(await openUpload(url, NAME), url);
}

function uploadHeaders({ kind, backend }: Setup): void {
  /** The origin, as it is without the edge. */
  let proxy: CountingProxy;
  let edge: Edge;
  beforeAll(async () => {
    const registry = await startRegistry({ kind });
    proxy = await startCountingProxy(registry.url, ADDED);
    edge = await startEdge({ origin: proxy.url, backend });
    for (const blob of CONTENT.blobs) expect((await upload(registry.url, OTHER, blob)).status).toBe(201);
  });

  /** @returns what was answered, without what differs from one repository, session and host to another */
  async function hold({ talk }: Talk, url: string, name: string): Promise<Told[]> {
    const said: Told[] = [];
    let at = url;
    function note(answer: Answer): string {
      said.push(told(answer, url, name));
      if (answer.headers.location) at = onward(answer, url);
      return at;
    }
    await talk({ url, name, other: OTHER, note });
    return said;
  }

  test.for(TALKS)("$what: status, headers and body are the origin's, the Location is on the edge", async (talk) => {
    const direct = await hold(talk, proxy.url, 'team/direct');
    expect(direct.map(({ status }) => status)).toEqual(talk.statuses(kind));
    for (const { headers } of direct) expect(headers).toMatchObject({ 'oci-tag': 'v2, v3', 'retry-after': '7' });

    expect(await hold(talk, edge.url, 'team/edge')).toEqual(direct);
  });

  test.for(SENDINGS)('$what: the origin hears $heard', async ({ method, heard, send }) => {
    for (const { url } of [proxy, edge]) {
      await send(url);
      const all = proxy.lastHeaders(method) ?? {};
      expect(Object.fromEntries(Object.entries(all).filter(([name]) => ABOUT_CONTENT.has(name)))).toEqual(heard);
    }
  });
}

interface Told {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function told({ status, headers, body }: Answer, url: string, name: string): Told {
  const uuid = headers['docker-upload-uuid'];
  const neutral = (text: string) =>
    (uuid ? text.replaceAll(uuid, 'UUID') : text)
      // The edge tells the path alone.
      .replaceAll(url, '')
      .replaceAll(name, 'NAME')
      .replace(/_state=[^&]+/, '_state=STATE');
  const compared = Object.entries(headers).filter(([header]) => !NOT_COMPARED.has(header));
  return {
    status,
    headers: Object.fromEntries(compared.map(([header, value]) => [header, neutral(value)])),
    body: neutral(body.toString()),
  };
}

describeSetups([], 'uploads and manifests, answer by answer', uploadHeaders, SETUPS);
