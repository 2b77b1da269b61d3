import { setTimeout } from 'node:timers/promises';
import { upload } from '../e2e/support/blobs.ts';
import { type Answer, basic, head } from '../e2e/support/http.ts';
import { makeBlob } from '../e2e/support/image.ts';
import { startRedis } from '../e2e/support/redis.ts';
import { startRegistry } from '../e2e/support/registry.ts';
import { startDistance } from './delay.ts';
import { figureOf, type Report } from './report.ts';
import { medianOf } from './rounds.ts';
import { BUNDLE, bare, type Settings } from './settings.ts';
import { serveOnWorkerd } from './workerd.ts';

const NAME = 'bench/cold';
const BLOB_BYTES = 100;
const UPLOADS_AT_ONCE = 8;
/** Long enough for the edge to have written back, so that this takes no time from whoever is asked next. */
const PAUSE_MS = 5;
/** Each way to an origin in another region. */
const DISTANCE_MS = 20;

export interface ColdOptions {
  readonly backend: 'inmemory' | 'redis';
  /** Every HEAD is the first of its credential; otherwise everybody may pull, and the store is asked first. */
  readonly isUnproven?: boolean;
  /** Of blobs in each round, each asked of both. */
  readonly blobs: number;
  /** Whether the origin is as far as another region; the store never is. */
  readonly isDistant?: boolean;
}

/** A HEAD of what the edge was never asked for, against a proxy that only streams, to one docker-registry. */
export async function cold(row: string, options: ColdOptions, { rounds }: Settings): Promise<Report> {
  const { backend, isUnproven = false, blobs, isDistant = false } = options;
  const registry = await startRegistry({ quiet: true });
  const paths = await uploadBlobs(registry.url, (rounds + 1) * blobs);
  const ORIGIN_URL = isDistant ? await startDistance(registry.url, DISTANCE_MS) : registry.url;
  const edge = await serveOnWorkerd({
    script: BUNDLE,
    bindings: {
      ORIGIN_URL,
      BLOBDESCRIPTOR: backend,
      CLIENT_AUTH: isUnproven ? 'origin' : 'anonymous',
      LOG_LEVEL: 'warn',
      ...(backend === 'redis' && (await startRedis()).variables),
    },
  });
  const other = await serveOnWorkerd({ script: bare('proxy.js'), bindings: { ORIGIN_URL } });

  const medians = { edge: [] as number[], other: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const part = paths.slice(round * blobs, (round + 1) * blobs);
    const times = await timesOf(part, edge.url, other.url, isUnproven);
    // The first round is for warming up.
    if (round === 0) continue;
    medians.edge.push(medianOf(times.edge));
    medians.other.push(medianOf(times.other));
  }
  const about = { row, measure: 'median, ms', against: 'bare proxy', target: { atMost: 1.05 } };
  return { figures: [figureOf(about, medians, (ms) => ms)] };
}

/** Small blobs of random bytes. @returns their paths */
async function uploadBlobs(url: string, count: number): Promise<string[]> {
  const blobs = Array.from({ length: count }, (_, index) => makeBlob(`cold ${index}`, BLOB_BYTES));
  const waiting = [...blobs];
  async function uploadAll(): Promise<void> {
    for (let blob = waiting.pop(); blob; blob = waiting.pop()) {
      const { status } = await upload(url, NAME, blob);
      if (status !== 201) throw new Error(`the registry answered an upload with ${status}`);
    }
  }
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, uploadAll));
  return blobs.map(({ digest }) => `/v2/${NAME}/blobs/${digest}`);
}

/** One after another over one connection to each; who is asked first of a blob changes with every blob. */
async function timesOf(paths: readonly string[], edge: string, other: string, isUnproven: boolean) {
  const times = { edge: [] as number[], other: [] as number[] };
  const detail = isUnproven ? '; detail=unproven' : '';
  for (const [index, path] of paths.entries()) {
    const caller = isUnproven ? basic(`caller of ${path}`, 'secret') : {};
    const askEdge = async () => {
      const { ms, answer } = await timed(() => head(edge + path, caller));
      expect(answer, `registry-edge; fwd=miss; stored${detail}`);
      times.edge.push(ms);
    };
    const askOther = async () => {
      const { ms, answer } = await timed(() => head(other + path, caller));
      expect(answer, undefined);
      times.other.push(ms);
    };
    for (const ask of index % 2 === 0 ? [askEdge, askOther] : [askOther, askEdge]) {
      await ask();
      await setTimeout(PAUSE_MS);
    }
  }
  return times;
}

async function timed<T>(ask: () => Promise<T>): Promise<{ ms: number; answer: T }> {
  const startedAt = performance.now();
  const answer = await ask();
  return { ms: performance.now() - startedAt, answer };
}

function expect({ status, headers }: Answer, cacheStatus: string | undefined): void {
  const isAsExpected =
    status === 200 && headers['content-length'] === String(BLOB_BYTES) && headers['cache-status'] === cacheStatus;
  if (!isAsExpected) throw new Error(`a cold HEAD: ${status} ${headers['cache-status']} instead of ${cacheStatus}`);
}
