import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { Content } from '../../local/origin/content.ts';
import { createRegistry } from '../../local/origin/registry.ts';
import { serveLocally } from '../../local/serve.ts';
import { atEnd } from './support/cleanup.ts';
import { OCI } from './support/contents.ts';
import { type Edge, startEdges } from './support/edge.ts';
import { basic, request } from './support/http.ts';
import { json, makeBlob } from './support/image.ts';
import { mulberry32 } from './support/random.ts';
import { startRedisFor } from './support/redis.ts';
import { type BackendKind, describeWith } from './support/tools.ts';

/** The number of requests on each store that have to begin after the reply to a delete. */
const ANSWERS = 2_000;
const SUBJECTS = 16;
/** The callers ask for so long before a delete at most, and for so long after it. */
const PHASE_MS = 400;
const CALLERS = [basic('alice', 'a'), basic('bob', 'b')];
const ACCEPT = { accept: OCI.manifest };
const TITLE = 'random HEADs, GETs and deletes: a request that begins after the reply to a delete is a 404';

/**
 * Starts a registry that decides at once how it answers a read, but replies late, so that some answers follow a delete.
 */
async function startSlowRegistry(content: Content, random: () => number): Promise<string> {
  const registry = createRegistry(content);
  const served = await serveLocally(async (request) => {
    const answer = await registry.fetch(request);
    if (request.method !== 'DELETE') await delay(random() < 0.2 ? 200 + 400 * random() : 20 * random());
    return answer;
  });
  atEnd(() => served.close());
  return served.url;
}

interface Subject {
  readonly path: string;
  readonly methods: readonly string[];
  /** Puts the content into the origin, behind the edges' backs. */
  put(): void;
}

function subjectOf(n: number, content: Content): Subject {
  const name = `race/${n}`;
  const blob = makeBlob(`race ${n}`, 500 + n);
  if (n % 2 === 0) {
    const path = `/v2/${name}/blobs/${blob.digest}`;
    return { path, methods: ['HEAD'], put: () => content.putBlob(name, blob.digest, blob.bytes) };
  }
  const { bytes, digest } = json({ schemaVersion: 2, mediaType: OCI.manifest, annotations: { race: `${n}` } });
  const reference = n % 4 === 1 ? digest : 'tagged';
  return {
    path: `/v2/${name}/manifests/${reference}`,
    methods: ['HEAD', 'GET'],
    put: () => void content.putManifest(name, reference, bytes, OCI.manifest),
  };
}

function race(backend: BackendKind, count: number): void {
  const random = mulberry32(count);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const content = new Content();
  let deleting: Edge[];
  let asking: Edge[];

  beforeAll(async () => {
    const origin = await startSlowRegistry(content, random);
    const redis = await startRedisFor(backend);
    // Without a memory of its own, a mirror has to answer 404 at once as well.
    const mirror = { CLIENT_AUTH: 'anonymous', MEMORY_TTL: '0', TAG_TTL: '1h' };
    const pushing = Array.from({ length: count }, () => ({}));
    const hasMirror = backend === 'redis' || backend === 'durable';
    asking = await startEdges({ origin, backend, redis }, hasMirror ? [...pushing, mirror] : pushing);
    deleting = asking.slice(0, count);
  });

  test(TITLE, { timeout: 180_000 }, async () => {
    const wrong: string[] = [];
    let [before, after] = [0, 0];

    /** Sends one request after the other until the round is over. */
    async function ask({ path, methods }: Subject, isOver: () => boolean, isDeleted: () => boolean): Promise<void> {
      while (!isOver()) {
        const wasDeleted = isDeleted();
        const { url } = pick(asking);
        const { status, headers } = await request(pick(methods), url + path, {
          headers: { ...ACCEPT, ...pick(CALLERS) },
        });
        if (wasDeleted) after += 1;
        else before += 1;
        if (wasDeleted && status !== 404) wrong.push(`${status} ${headers['cache-status']} ${path}`);
        await delay(10 * random());
      }
    }

    /**
     * Deletes until an edge confirms it: an edge that cannot clear its cache answers 503, and the delete is repeated.
     */
    async function remove(path: string): Promise<void> {
      for (let tries = 0; ; tries++) {
        const { status } = await request('DELETE', pick(deleting).url + path, { headers: pick(CALLERS) });
        if (status === 202 || (tries > 0 && status === 404)) return;
        expect([status, backend]).toEqual([503, 'kv']);
      }
    }

    async function rounds(subject: Subject): Promise<void> {
      while (after < ANSWERS) {
        subject.put();
        let [isDeleted, isOver] = [false, false];
        const askers = Array.from({ length: 4 }, () =>
          ask(
            subject,
            () => isOver,
            () => isDeleted,
          ),
        );
        await delay(PHASE_MS * random());
        await remove(subject.path);
        isDeleted = true;
        await delay(PHASE_MS);
        isOver = true;
        await Promise.all(askers);
      }
    }

    await Promise.all(Array.from({ length: SUBJECTS }, (_, n) => rounds(subjectOf(n, content))));
    expect(wrong).toEqual([]);
    expect(after).toBeGreaterThanOrEqual(ANSWERS);
    // Otherwise too few answers could have followed a delete.
    expect(before).toBeGreaterThan(ANSWERS / 10);
  });
}

describeWith(['redis-server'], 'two edges and a mirror on one Redis', () => race('redis', 2));
describeWith([], 'two edges and a mirror on the same Durable Objects', () => race('durable', 2));
// The KV on disk does not lag: deployed, other places see a delete only after KV's lag.
describeWith([], 'two edges on one KV', () => race('kv', 2));
describeWith([], 'one edge with nothing but its memory', () => race('inmemory', 1));
