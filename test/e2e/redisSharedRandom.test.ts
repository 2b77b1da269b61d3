import { beforeAll, expect, test } from 'vitest';
import { isStored, mount, upload } from './support/blobs.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type Answer, basic, head, request } from './support/http.ts';
import { type Blob, makeBlob } from './support/image.ts';
import { type CountingProxy, type Held, startCountingProxy } from './support/proxy.ts';
import { mulberry32 } from './support/random.ts';
import { type Connection, connect, startRedis } from './support/redis.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const SEEDS = [1, 2, 3, 4];
const STEPS = 150;
const BLOBS = 5;
/** So short that confirmations become stale and are renewed during the test. */
const PUSH_EXISTENCE_TTL = '1s';
/** So many of the blobs are also deleted and purged through the edges; their tombstones prevent hits for a while. */
const DELETED_AT_EDGES = 2;
const HIT = 'registry-edge; hit; detail=redis';
const ADMIN_TOKEN = 'operator-of-the-e2e-tests';

interface Front {
  readonly edge: Edge;
  readonly proxy: CountingProxy;
}

/** A HEAD that the registry has answered, while the proxy still holds the answer back. */
interface LateHead {
  readonly held: Held;
  readonly answer: Promise<Answer>;
}

describeWith(['registry', 'redis-server'], 'REDIS_SHARED=true: two edges and a registry 3.1 on one Redis', () => {
  let registry: Registry;
  let fronts: Front[];
  let client: Connection;
  beforeAll(async () => {
    const redis = await startRedis();
    client = await connect(redis);
    registry = await startRegistry({ kind: 'registry', redis });
    const front = async (): Promise<Front> => {
      const proxy = await startCountingProxy(registry.url);
      const variables = { REDIS_SHARED: 'true', PUSH_EXISTENCE_TTL, ADMIN_TOKEN };
      return { proxy, edge: await startEdge({ origin: proxy.url, backend: 'redis', redis, variables }) };
    };
    fronts = [await front(), await front()];
  });

  test.for(SEEDS)(
    `${STEPS} random operations, seed %i: after each, the registry has no cached descriptor of an absent blob`,
    async (seed) => {
      const world = newWorld(seed);
      for (let step = 0; step < STEPS; step++) {
        await world.step();
        await world.check();
      }
      await world.end();
    },
  );

  /** The repositories and blobs of one seed, a model of what exists, and the operations on both. */
  function newWorld(seed: number) {
    const random = mulberry32(seed);
    const below = (count: number) => Math.floor(random() * count);
    const pick = <T>(list: readonly T[]) => list[below(list.length)] as T;
    const names = [`random-${seed}/one`, `random-${seed}/two`] as const;
    const blobs = Array.from({ length: BLOBS }, (_, index) => makeBlob(`random ${seed} ${index}`, 1_000 + index));
    const pairs = names.flatMap((name) => blobs.map((blob) => ({ name, blob, path: pathOf(name, blob) })));
    /** The paths of the blobs that exist. */
    const model = new Set<string>();
    const lateHeads: LateHead[] = [];
    const done: string[] = [];
    let callers = 0;
    let hits = 0;

    /** The URL of the registry or of one of the edges. */
    const pickUrl = () => pick([registry, ...fronts.map(({ edge }) => edge)]).url;
    const statusOf = (path: string) => (model.has(path) ? 200 : 404);
    const history = () => `${done.length} operations, the last ones:\n${done.slice(-12).join('\n')}`;

    const operations: Record<string, () => Promise<unknown>> = {
      async head() {
        const { path, blob } = pick(pairs);
        const url = pickUrl();
        done.push(`HEAD ${url}${path}, twice`);
        for (let time = 0; time < 2; time++) {
          const { status, headers } = await head(url + path);
          expect(status, history()).toBe(statusOf(path));
          if (status === 200) expect(headers['content-length'], history()).toBe(String(blob.bytes.length));
          if (headers['cache-status'] === HIT) hits++;
        }
      },
      async upload() {
        const { name, path, blob } = pick(pairs);
        const url = pickUrl();
        done.push(`upload ${url}${path}`);
        expect((await upload(url, name, blob)).status, history()).toBe(201);
        model.add(path);
      },
      async mount() {
        const [from, to] = random() < 0.5 ? names : [names[1], names[0]];
        const blob = pick(blobs);
        const url = pickUrl();
        const exists = model.has(pathOf(from, blob));
        done.push(`mount ${url}${pathOf(to, blob)} from ${from}`);
        expect((await mount(url, to, from, blob.digest)).status, history()).toBe(exists ? 201 : 202);
        if (exists) model.add(pathOf(to, blob));
      },
      async delete() {
        const { path, blob } = pick(pairs);
        const url = blobs.indexOf(blob) < DELETED_AT_EDGES ? pickUrl() : registry.url;
        done.push(`DELETE ${url}${path}`);
        expect((await request('DELETE', url + path)).status, history()).toBe(model.has(path) ? 202 : 404);
        model.delete(path);
      },
      async purge() {
        const { digest } = pick(blobs.slice(0, DELETED_AT_EDGES));
        const url = `${pick(fronts).edge.url}/_edge/descriptors/${digest}`;
        done.push(`DELETE ${url}`);
        const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
        expect((await request('DELETE', url, { headers })).status, history()).toBeLessThan(300);
      },
      async hold() {
        const { path } = pick(pairs);
        const { edge, proxy } = pick(fronts);
        done.push(`hold HEAD ${edge.url}${path}`);
        const held = proxy.holdNext('HEAD', path);
        // A new caller has no grant, so the edge has to ask the origin, and no other caller waits for this flight.
        const answer = head(edge.url + path, basic(`late-${callers++}`, 'x'));
        // If the test fails earlier, nobody awaits the answer.
        answer.catch(() => undefined);
        lateHeads.push({ held, answer });
        await held.answered;
      },
      async release() {
        const [late] = lateHeads.splice(below(lateHeads.length), 1);
        if (!late) return;
        done.push('release');
        late.held.release();
        expect([200, 404], history()).toContain((await late.answer).status);
      },
    };
    const choices =
      'head head head head head head head head upload upload upload upload upload mount delete delete hold release purge'.split(
        ' ',
      );

    return {
      step: () => operations[pick(choices)]?.(),
      async check() {
        for (const { name, blob, path } of pairs) {
          expect([path, await isStored(registry, name, blob.digest)], history()).toEqual([path, model.has(path)]);
          if (!model.has(path)) expect([path, await isCached(name, blob)], history()).toEqual([path, false]);
        }
      },
      async end() {
        expect(hits, 'the cache answers').toBeGreaterThan(3);
        while (lateHeads.length > 0) await operations.release?.();
        for (const { path } of pairs) {
          for (const url of [registry.url, ...fronts.map(({ edge }) => edge.url)]) {
            expect([url + path, (await head(url + path)).status], history()).toEqual([url + path, statusOf(path)]);
          }
        }
        // Late write-backs may follow the answers.
        await until('Redis receives no more commands', async () => {
          const before = await client.info('stats');
          await new Promise((resolve) => setTimeout(resolve, 300));
          return commandsIn(await client.info('stats')) - commandsIn(before) <= 1;
        });
        await this.check();
        const keys = await Promise.all(['repository::*::blobs*', 'blobs::*'].map((pattern) => client.keys(pattern)));
        // -1: the key does not expire; -2: the second clear of a delete has just removed it.
        for (const key of keys.flat()) expect([-1, -2], key).toContain(await client.ttl(key));
      },
    };
  }

  /** Whether the registry would answer from Redis: reads the keys that it reads. */
  async function isCached(name: string, { digest }: Blob): Promise<boolean> {
    const [member, global, mediaType] = await Promise.all([
      client.sIsMember(`repository::${name}::blobs`, digest),
      client.hmGet(`blobs::${digest}`, ['digest', 'size']),
      client.hGet(`repository::${name}::blobs::${digest}`, 'mediatype'),
    ]);
    return member === 1 && global.every((field) => field !== null) && mediaType !== null;
  }
});

function pathOf(name: string, { digest }: Blob): string {
  return `/v2/${name}/blobs/${digest}`;
}

function commandsIn(stats: string): number {
  return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]);
}
