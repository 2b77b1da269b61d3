import { beforeAll, beforeEach, expect, test } from 'vitest';
import { CLIENTS } from './support/clients.ts';
import { SUCCESS } from './support/command.ts';
import { hashesOf, image, publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { request } from './support/http.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { type Connection, connect, startRedis } from './support/redis.ts';
import { startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { pulledTree } from './support/tree.ts';
import { until } from './support/until.ts';

const NAME = 'team/app';
const TAG = 'v1';
const IMAGE = image('right');
const TEXT = IMAGE.manifest.bytes.toString();
const KEY = `registry-edge::content::${IMAGE.manifest.digest}`;
const BY_TAG = `/v2/${NAME}/manifests/${TAG}`;
const BY_DIGEST = `/v2/${NAME}/manifests/${IMAGE.manifest.digest}`;

/** What the store holds in place of the manifest; the first two have the manifest's length. */
const CORRUPTIONS: readonly [[string, string], ...[string, string][]] = [
  ['another manifest of the same length', image('wrong').manifest.bytes.toString()],
  ['the manifest with one character changed', TEXT.replace('"size":', '"size";')],
  ['the manifest cut short', TEXT.slice(0, -1)],
  ['the manifest with a line break appended', `${TEXT}\n`],
  ['nothing', ''],
];
const CALLERS = ['anonymous', 'origin'] as const;

describeWith(
  ['docker-registry', 'redis-server', 'crane', 'oras', 'regctl', 'skopeo'],
  'corrupted content in the store',
  () => {
    let redis: Connection;
    let proxy: CountingProxy;
    let edges: Record<(typeof CALLERS)[number], Edge>;
    beforeAll(async () => {
      const origin = await startRegistry();
      await publish(origin.url, NAME, IMAGE, TAG);
      proxy = await startCountingProxy(origin.url);
      const store = await startRedis();
      redis = await connect(store);
      // Without the memory in front, every read goes to Redis.
      const start = (CLIENT_AUTH: string) =>
        startEdge({
          origin: proxy.url,
          backend: 'redis',
          redis: store,
          variables: { CLIENT_AUTH, MEMORY_TTL: '0', TAG_TTL: '1h', CACHE_TIMEOUT: '1s' },
        });
      edges = { anonymous: await start('anonymous'), origin: await start('origin') };
    });
    beforeEach(async () => {
      for (const edge of Object.values(edges)) {
        for (const path of [BY_TAG, BY_DIGEST]) expect((await ask(edge, path)).status).toBe(200);
      }
      await expectStoreMended();
    });

    test('the first two corruptions have the length of the manifest', () => {
      const lengths = CORRUPTIONS.map(([, text]) => Buffer.byteLength(text));
      expect(lengths.slice(0, 2)).toEqual([TEXT.length, TEXT.length]);
      expect(CORRUPTIONS.every(([, text]) => text !== TEXT)).toBe(true);
    });

    const cases = CORRUPTIONS.flatMap(([what, text]) =>
      CALLERS.flatMap((caller) => [
        { what, text, caller, path: BY_TAG, by: 'tag' },
        { what, text, caller, path: BY_DIGEST, by: 'digest' },
      ]),
    );
    test.for(cases)(
      '$what, CLIENT_AUTH=$caller, GET by $by: the client gets the right bytes, and the store is mended',
      async ({ text, caller, path }) => {
        await redis.set(KEY, text);
        const before = proxy.requests.length;
        const { status, headers, body } = await ask(edges[caller], path);
        expect([status, body.toString()]).toEqual([200, TEXT]);
        expect(headers).toMatchObject({
          'content-length': String(TEXT.length),
          'content-type': IMAGE.mediaType,
          'docker-content-digest': IMAGE.manifest.digest,
        });
        expect(headers['cache-status']).not.toContain('; hit');
        expect(proxy.requests.slice(before)).toEqual([`GET ${path}`]);
        await expectStoreMended();
        if (caller === 'anonymous') expect((await ask(edges[caller], path)).headers['cache-status']).toContain('; hit');
      },
    );

    test.for(CLIENTS)('a pull with $name gets the right bytes, and the store is mended', async ({ pull }) => {
      const [[, text]] = CORRUPTIONS;
      for (const { host } of Object.values(edges)) {
        await redis.set(KEY, text);
        const pulled = await pull(`${host}/${NAME}:${TAG}`);
        expect(pulled).toMatchObject(SUCCESS);
        expect(Object.values(await pulledTree(pulled.folder))).toEqual(expect.arrayContaining(hashesOf(IMAGE)));
        await expectStoreMended();
      }
    });

    test.for(CALLERS)(
      'CLIENT_AUTH=%s, the origin fails: its failure is relayed, never corrupted bytes',
      async (caller) => {
        for (const [, text] of CORRUPTIONS) {
          for (const path of [BY_TAG, BY_DIGEST]) {
            await redis.set(KEY, text);
            proxy.failWith(503);
            const { status, body } = await ask(edges[caller], path);
            proxy.recover();
            expect([status, JSON.parse(body.toString()).errors]).toEqual([503, expect.any(Array)]);
          }
        }
      },
    );

    async function expectStoreMended(): Promise<void> {
      await until('the store has the right bytes', async () => (await redis.get(KEY)) === TEXT, 5_000);
    }
  },
);

function ask({ url }: Edge, path: string) {
  return request('GET', url + path, { headers: { accept: IMAGE.mediaType } });
}
