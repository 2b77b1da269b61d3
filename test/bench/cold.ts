import { setTimeout } from 'node:timers/promises';
import { upload } from '../e2e/support/blobs.ts';
import { type Answer, basic, head } from '../e2e/support/http.ts';
import { makeBlob } from '../e2e/support/image.ts';
import { inParallel } from '../e2e/support/inParallel.ts';
import { startRedis } from '../e2e/support/redis.ts';
import { startRegistry } from '../e2e/support/registry.ts';
import { startDistance } from './delay.ts';
import { figureOf, type Report } from './report.ts';
import { medianOf } from './rounds.ts';
import { BUNDLE, barePath, type Settings } from './settings.ts';
import { serveOnWorkerd } from './workerd.ts';

const NAME = 'bench/cold';
const BLOB_BYTES = 100;
const UPLOADS_AT_ONCE = 8;
/** Long enough for the edge's write-back, so that it does not slow the next request down. */
const PAUSE_MS = 5;
/** The time in each direction to an origin in another region. */
const DISTANCE_MS = 20;

export interface ColdOptions {
  readonly backend: 'inmemory' | 'redis';
  /** Whether every HEAD is the first of its credential; by default everybody may pull, and the store is read first. */
  readonly isUnproven?: boolean;
  /** The number of blobs in each round; the edge and the proxy are both asked for each. */
  readonly blobs: number;
  /** Whether the origin is as far away as another region; the store never is. */
  readonly isDistant?: boolean;
}

/**
 * Measures a HEAD of a blob that the edge was never asked for, against a proxy that only streams, to the same registry.
 */
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
  const other = await serveOnWorkerd({ script: barePath('proxy.js'), bindings: { ORIGIN_URL } });

  const medians = { edge: [] as number[], other: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const part = paths.slice(round * blobs, (round + 1) * blobs);
    const times = await timesOf(part, edge.url, other.url, isUnproven);
    // The first round warms both up.
    if (round === 0) continue;
    medians.edge.push(medianOf(times.edge));
    medians.other.push(medianOf(times.other));
  }
  const about = { row, measure: 'median, ms', against: 'bare proxy', target: { atMost: 1.05 } };
  return { figures: [figureOf(about, medians, (ms) => ms)] };
}

/** Uploads small blobs of pseudorandom bytes. @returns their paths */
async function uploadBlobs(url: string, count: number): Promise<string[]> {
  const blobs = Array.from({ length: count }, (_, index) => makeBlob(`cold ${index}`, BLOB_BYTES));
  await inParallel(blobs, UPLOADS_AT_ONCE, async (blob) => {
    const { status } = await upload(url, NAME, blob);
    if (status !== 201) throw new Error(`the registry answered an upload with ${status}`);
  });
  return blobs.map(({ digest }) => `/v2/${NAME}/blobs/${digest}`);
}

/** Asks one HEAD after the other, over one connection to each server; the two take turns in being asked first. */
async function timesOf(paths: readonly string[], edge: string, other: string, isUnproven: boolean) {
  const times = { edge: [] as number[], other: [] as number[] };
  const detail = isUnproven ? '; detail=unproven' : '';
  for (const [index, path] of paths.entries()) {
    const caller = isUnproven ? basic(`caller of ${path}`, 'secret') : {};
    const askEdge = async () => {
      const { ms, answer } = await timed(() => head(edge + path, caller));
      check(answer, `registry-edge; fwd=miss; stored${detail}`);
      times.edge.push(ms);
    };
    const askOther = async () => {
      const { ms, answer } = await timed(() => head(other + path, caller));
      check(answer, undefined);
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

/** @throws Error the answer is no 200 with the blob's size and this `Cache-Status` */
function check({ status, headers }: Answer, cacheStatus: string | undefined): void {
  const isExpected =
    status === 200 && headers['content-length'] === String(BLOB_BYTES) && headers['cache-status'] === cacheStatus;
  if (!isExpected) throw new Error(`a cold HEAD: ${status} ${headers['cache-status']} instead of ${cacheStatus}`);
}
