import { beforeAll, expect, test } from 'vitest';
import { upload } from './support/blobs.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { BLOB, BROKEN, CONTENT, EXCHANGES, type Exchange } from './support/exchanges.ts';
import type { Answer } from './support/http.ts';
import { putManifest } from './support/manifests.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { startRegistry } from './support/registry.ts';
import { describeSetups, type Setup } from './support/setups.ts';
import { finish, locationOf, openUpload, patchRange, patchStreamed, putWhole } from './support/uploads.ts';

const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin' },
  { kind: 'docker-registry', backend: 'durable', clientAuth: 'origin' },
];
const NAME = 'team/app';
/** The repository that has all the blobs. */
const OTHER = 'team/other';

/** Headers that other registries send and neither of these two does; the proxy adds them to every answer. */
const EXTRA_HEADERS = [
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

/** Hop-by-hop headers, those that vary in time, and the edge's own. */
const NOT_COMPARED = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'date',
  'cache-control',
  'cache-status',
  'server-timing',
]);

/** The headers that tell an origin the length and the type of a body. */
const BODY_HEADERS = new Set(['content-length', 'content-range', 'content-type', 'transfer-encoding']);

interface Sending {
  readonly what: string;
  readonly method: string;
  /** The headers about the body that the origin receives. */
  readonly received: Readonly<Record<string, string>>;
  send(url: string): Promise<Answer>;
}

const TYPE = { 'content-type': 'application/octet-stream' };
const SENDINGS: readonly Sending[] = [
  {
    what: 'a POST without a body',
    method: 'POST',
    received: { 'content-length': '0' },
    send: (url) => openUpload(url, NAME),
  },
  {
    what: 'a PUT of all the bytes',
    method: 'PUT',
    received: { ...TYPE, 'content-length': '1000' },
    send: async (url) => putWhole(await openSession(url), BLOB.digest, 1_000, BLOB.bytes),
  },
  {
    what: 'a PUT without a body',
    method: 'PUT',
    received: { 'content-length': '0' },
    send: async (url) => finish(await openSession(url), BLOB.digest),
  },
  {
    what: 'a PATCH without a length',
    method: 'PATCH',
    received: { ...TYPE, 'transfer-encoding': 'chunked' },
    send: async (url) => patchStreamed(await openSession(url), BLOB.bytes),
  },
  {
    what: 'a PATCH with a Content-Range',
    method: 'PATCH',
    received: { ...TYPE, 'content-length': '300', 'content-range': '0-299' },
    send: async (url) => patchRange(await openSession(url), 0, 300, BLOB.bytes.subarray(0, 300)),
  },
];

async function openSession(url: string): Promise<string> {
  return locationOf(await openUpload(url, NAME), url);
}

function uploadHeaders({ kind, backend }: Setup): void {
  /** Through it, the origin is asked with and without the edge. */
  let proxy: CountingProxy;
  let edge: Edge;
  beforeAll(async () => {
    const registry = await startRegistry({ kind });
    proxy = await startCountingProxy(registry.url, EXTRA_HEADERS);
    edge = await startEdge({ origin: proxy.url, backend });
    for (const blob of CONTENT.blobs) expect((await upload(registry.url, OTHER, blob)).status).toBe(201);
  });

  /** Runs an exchange. @returns its answers, without what differs between repositories, sessions and hosts */
  async function record({ run }: Exchange, url: string, name: string): Promise<Comparable[]> {
    const answers: Comparable[] = [];
    let location = url;
    function note(answer: Answer): string {
      answers.push(comparable(answer, url, name));
      if (answer.headers.location) location = locationOf(answer, url);
      return location;
    }
    await run({ url, name, other: OTHER, note });
    return answers;
  }

  test.for(EXCHANGES)(
    "$what: the origin's statuses, headers and bodies, with Locations on the edge",
    async (exchange) => {
      const direct = await record(exchange, proxy.url, 'team/direct');
      expect(direct.map(({ status }) => status)).toEqual(exchange.statuses(kind));
      for (const { headers } of direct) expect(headers).toMatchObject({ 'oci-tag': 'v2, v3', 'retry-after': '7' });

      expect(await record(exchange, edge.url, 'team/edge')).toEqual(direct);
    },
  );

  test('a manifest of absent blobs: the edge refuses it with the status, code and detail of the origin', async () => {
    const errorsAt = async (url: string) => {
      const { status, body } = await putManifest({ url, name: OTHER, reference: 'broken' }, BROKEN);
      const { errors } = JSON.parse(body.toString()) as { errors: { code: string; detail: unknown }[] };
      return [status, errors.map(({ code, detail }) => ({ code, detail }))];
    };
    expect(await errorsAt(edge.url)).toEqual(await errorsAt(proxy.url));
  });

  test.for(SENDINGS)('$what: the origin receives $received', async ({ method, received, send }) => {
    for (const { url } of [proxy, edge]) {
      await send(url);
      const all = proxy.lastHeaders(method) ?? {};
      expect(Object.fromEntries(Object.entries(all).filter(([name]) => BODY_HEADERS.has(name)))).toEqual(received);
    }
  });
}

interface Comparable {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function comparable({ status, headers, body }: Answer, url: string, name: string): Comparable {
  const uuid = headers['docker-upload-uuid'];
  const neutral = (text: string) =>
    (uuid ? text.replaceAll(uuid, 'UUID') : text)
      // The edge's Location is a path alone.
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

describeSetups([], 'uploads and manifests', uploadHeaders, SETUPS);
