import { isStored, upload } from '../e2e/support/blobs.ts';
import { head, request } from '../e2e/support/http.ts';
import { makeBlob } from '../e2e/support/image.ts';
import { type RedisStore, startRedis } from '../e2e/support/redis.ts';
import { REGISTRIES, type Registry, type RegistryKind, startRegistry } from '../e2e/support/registry.ts';
import { until } from '../e2e/support/until.ts';
import { type LoadResult, load } from './load.ts';
import { startNginx } from './nginx.ts';
import { figureOf, type Report, type Target } from './report.ts';
import { runRounds } from './rounds.ts';
import { BUNDLE, CONNECTIONS, type Settings } from './settings.ts';
import { warmUp } from './warm.ts';
import { serveOnWorkerd } from './workerd.ts';

const BLOB = makeBlob('registries', 1_234);
const NGINX = 'nginx `proxy_cache`';

/**
 * Measures warm HEADs of one blob at the edge, from memory, and at what a user would run instead: registries with
 * descriptors in Redis, which have the blobs or are a pull-through cache, and nginx. All take turns in every round.
 * nginx checks no access and runs in one place: it shows what one machine can do, and has no target.
 */
export async function registries(row: string, { rounds, seconds }: Settings): Promise<Report> {
  const redis = await startRedis();
  const origin = await startRegistry({ quiet: true });
  const addresses: Record<string, string> = { edge: await warmEdge(origin) };
  for (const kind of REGISTRIES) {
    addresses[`${kind}, direct`] = await warmRegistry(kind, redis);
    addresses[`${kind}, pull-through`] = await warmPullThrough(kind, redis, origin);
  }
  addresses[NGINX] = await warmNginx(origin);
  // Without the origin, each server has to answer by itself.
  await origin.stop();

  const turns = Object.entries(addresses).map(([name, url]) => [name, () => loadChecked(url, seconds)] as const);
  const { edge = [], ...others } = await runRounds(rounds, Object.fromEntries(turns));
  const figures = Object.entries(others).flatMap(([against, other]) => {
    const about = (measure: string, target: Target) => ({
      row,
      against,
      measure,
      ...(against !== NGINX && { target }),
    });
    return [
      figureOf(about('HEADs/s', { atLeast: 10 }), { edge, other }, ({ perSecond }) => perSecond),
      figureOf(about('p99, ms', { atMost: 0.1 }), { edge, other }, ({ p99Ms }) => p99Ms),
    ];
  });
  return { figures };
}

async function loadChecked(url: string, seconds: number): Promise<LoadResult> {
  await expectBlob(url);
  const result = await load(url, { seconds, connections: CONNECTIONS });
  await expectBlob(url);
  return result;
}

async function expectBlob(url: string): Promise<void> {
  const { status, headers } = await head(url);
  if (status !== 200 || headers['content-length'] !== String(BLOB.bytes.length)) {
    throw new Error(`${url}: ${status} with Content-Length ${headers['content-length']}`);
  }
}

async function warmEdge(origin: Registry): Promise<string> {
  const name = 'bench/edge';
  await uploadTo(origin, name);
  const edge = await serveOnWorkerd({
    script: BUNDLE,
    bindings: {
      ORIGIN_URL: origin.url,
      BLOBDESCRIPTOR: 'inmemory',
      CLIENT_AUTH: 'anonymous',
      DESCRIPTOR_TTL: '7d',
      LOG_LEVEL: 'warn',
    },
  });
  await warmUp({ url: blobAt(edge.url, name) });
  return blobAt(edge.url, name);
}

async function warmRegistry(kind: RegistryKind, redis: RedisStore): Promise<string> {
  const registry = await startRegistry({ kind, redis, quiet: true });
  const name = `bench/${kind}`;
  await uploadTo(registry, name);
  return blobAt(registry.url, name);
}

/**
 * Starts a pull-through cache, and fills it by a GET, since a HEAD would not store the blob. The blob is in a
 * repository of its own, since all registries share one Redis.
 */
async function warmPullThrough(kind: RegistryKind, redis: RedisStore, origin: Registry): Promise<string> {
  const name = `bench/${kind}-pulled`;
  await uploadTo(origin, name);
  const registry = await startRegistry({ kind, redis, quiet: true, proxyOf: origin.url });
  await request('GET', blobAt(registry.url, name));
  await until(`${kind} has stored the blob`, () => isStored(registry, name, BLOB.digest));
  return blobAt(registry.url, name);
}

async function warmNginx(origin: Registry): Promise<string> {
  const name = 'bench/nginx';
  await uploadTo(origin, name);
  const url = blobAt(await startNginx(origin.url), name);
  await until('nginx answers from its cache', async () => (await head(url)).headers['x-cache'] === 'HIT');
  return url;
}

async function uploadTo({ url }: Registry, name: string): Promise<void> {
  const { status } = await upload(url, name, BLOB);
  if (status !== 201) throw new Error(`${url} answered an upload with ${status}`);
}

function blobAt(url: string, name: string): string {
  return `${url}/v2/${name}/blobs/${BLOB.digest}`;
}
