import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { Content } from '../../local/origin/content.ts';
import { createRegistry } from '../../local/origin/registry.ts';
import { serveLocally } from '../../local/serve.ts';
import { atEnd } from './support/cleanup.ts';
import { OCI } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { basic, request } from './support/http.ts';
import { json, makeBlob } from './support/image.ts';
import { mulberry32 } from './support/random.ts';
import { startRedis } from './support/redis.ts';
import { type BackendKind, describeWith } from './support/tools.ts';

/** So many answers to questions that began after a delete's reply, on each store. */
const ANSWERS = 2_000;
const SUBJECTS = 16;
/** Before a delete and after it, all ask for so long. */
const PHASE_MS = 400;
const CALLERS = [basic('alice', 'a'), basic('bob', 'b')];
const TAKES = { accept: OCI.manifest };
const TITLE = 'HEADs, GETs and deletes at random: nobody is told of what was deleted before they asked';

/** A registry that decides at once what it answers to a read, and then takes its time: some answers outlast a delete. */
async function startSlowRegistry(content: Content, random: () => number): Promise<string> {
  const registry = createRegistry(content);
  const served = await serveLocally(async (asked) => {
    const answer = await registry.fetch(asked);
    if (asked.method !== 'DELETE') await delay(random() < 0.2 ? 200 + 400 * random() : 20 * random());
    return answer;
  });
  atEnd(() => served.close());
  return served.url;
}

interface Subject {
  readonly path: string;
  readonly methods: readonly string[];
  /** Puts it into the origin, behind the edges. */
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
  let asked: Edge[];

  beforeAll(async () => {
    const origin = await startSlowRegistry(content, random);
    const redis = backend === 'redis' ? { redis: await startRedis() } : {};
    const start = (sharesKv: boolean, variables: Record<string, string> = {}) =>
      startEdge({ origin, backend, ...redis, sharesKv, variables });
    deleting = [await start(false)];
    while (deleting.length < count) deleting.push(await start(true));
    // With no memory of its own a mirror is to know at once as well.
    const mirror = { CLIENT_AUTH: 'anonymous', MEMORY_TTL: '0', TAG_TTL: '1h' };
    asked = backend === 'redis' ? [...deleting, await start(true, mirror)] : deleting;
  });

  test(TITLE, { timeout: 180_000 }, async () => {
    const wrong: string[] = [];
    let [before, after] = [0, 0];

    /** Asks one question after the other, until told to stop. */
    async function ask({ path, methods }: Subject, isOver: () => boolean, isGone: () => boolean): Promise<void> {
      while (!isOver()) {
        const gone = isGone();
        const { url } = pick(asked);
        const { status, headers } = await request(pick(methods), url + path, {
          headers: { ...TAKES, ...pick(CALLERS) },
        });
        if (!gone) before += 1;
        else after += 1;
        if (gone && status !== 404) wrong.push(`${status} ${headers['cache-status']} ${path}`);
        await delay(10 * random());
      }
    }

    /** Until it is gone: an edge that cannot forget it now says so, and it is deleted again. */
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
        let [isGone, isOver] = [false, false];
        const askers = Array.from({ length: 4 }, () =>
          ask(
            subject,
            () => isOver,
            () => isGone,
          ),
        );
        await delay(PHASE_MS * random());
        await remove(subject.path);
        isGone = true;
        await delay(PHASE_MS);
        isOver = true;
        await Promise.all(askers);
      }
    }

    await Promise.all(Array.from({ length: SUBJECTS }, (_, n) => rounds(subjectOf(n, content))));
    expect(wrong).toEqual([]);
    expect(after).toBeGreaterThanOrEqual(ANSWERS);
    // Else there was nothing that could have outlasted a delete.
    expect(before).toBeGreaterThan(ANSWERS / 10);
  });
}

describeWith(['redis-server'], 'two edges and a mirror on one Redis', () => race('redis', 2));
// On one disk KV does not lag: what is told here is what places far apart are told after KV's lag.
describeWith([], 'two edges on one KV', () => race('kv', 2));
describeWith([], 'one edge with its memory alone', () => race('inmemory', 1));
