import { createHash } from 'node:crypto';
import { get, type IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { artifact, publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { download, type LargeBlob, makeLargeBlob, uploadLarge } from './support/largeBlob.ts';
import { childNamed, peakMib, residentMib } from './support/procfs.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';

const NAME = 'team/large';
const BYTES = 300_000_000;
/** A fill that buffered would need as much. The simulated R2 is in the same process, and takes more than half of it. */
const BLOB_MIB = 286;
/** More than a Worker needs for four streams. */
const STALLED_MAX_MIB = 60;
const LIMIT_MS = 300_000;
const ROUNDS = 3;

const MIRROR = { CLIENT_AUTH: 'anonymous', BLOB_STORE: 'r2', CACHE_TIMEOUT: '1s' };

describeWith(['registry'], 'blobs of 300 MB through an edge with BLOB_STORE=r2', () => {
  let origin: Registry;
  let edge: Edge;
  beforeAll(async () => {
    origin = await startRegistry({ kind: 'registry' });
    edge = await startEdge({ origin: origin.url, backend: 'inmemory', variables: MIRROR });
  }, LIMIT_MS);

  async function push(seed: string): Promise<LargeBlob> {
    const blob = await makeLargeBlob(seed, BYTES);
    await publish(origin.url, NAME, artifact([]), 'any');
    await uploadLarge(origin.url, NAME, blob);
    return blob;
  }

  const urlAt = (at: string, { digest }: LargeBlob) => `${at}/v2/${NAME}/blobs/${digest}`;

  /** Pulls a blob and checks it. @returns the seconds, and what `Cache-Status` said */
  async function pull(at: string, blob: LargeBlob) {
    const hash = createHash('sha256');
    const startedAt = performance.now();
    const { headers } = await download(urlAt(at, blob), {}, hash);
    const seconds = (performance.now() - startedAt) / 1_000;
    expect(`sha256:${hash.digest('hex')}`).toBe(blob.digest);
    return { seconds, status: headers['cache-status'] };
  }

  test('a fill and a hit grow the Worker, and the simulated R2 in it, by less than the blob', {
    timeout: LIMIT_MS,
  }, async () => {
    const blob = await push('fill');
    const workerd = await childNamed(edge.process.pid, 'workerd');
    const before = await residentMib(workerd);
    const peak = await peakMib([workerd], async () => {
      expect((await pull(edge.url, blob)).status).toBe('registry-edge; fwd=bypass; stored');
      expect((await pull(edge.url, blob)).status).toBe('registry-edge; hit; detail=r2');
    });
    console.log(`a fill and a hit of 300 MB: workerd from ${before} to at most ${peak} MiB`);
    expect(peak - before).toBeLessThan(BLOB_MIB);
  });

  test(`four fills whose clients stall grow the Worker by less than ${STALLED_MAX_MIB} MiB`, {
    timeout: LIMIT_MS,
  }, async () => {
    const blobs = await Promise.all(['a', 'b', 'c', 'd'].map((seed) => push(`stalled ${seed}`)));
    const workerd = await childNamed(edge.process.pid, 'workerd');
    const before = await residentMib(workerd);
    const answers: IncomingMessage[] = [];
    const stalled = blobs.map((blob) => get(urlAt(edge.url, blob), { agent: false }, (answer) => answers.push(answer)));
    // Nobody reads what the answers bring.
    const peak = await peakMib([workerd], () => setTimeout(5_000));
    expect(answers.map(({ headers }) => headers['cache-status'])).toEqual(
      blobs.map(() => 'registry-edge; fwd=bypass; stored'),
    );
    for (const request of stalled) request.destroy();
    console.log(`four stalled fills of 300 MB: workerd from ${before} to at most ${peak} MiB`);
    expect(peak - before).toBeLessThan(STALLED_MAX_MIB);
  });

  test('what a fill and a hit take, beside a bare pass-through', { timeout: LIMIT_MS }, async () => {
    // Under another name of the origin, since two edges must not share their state on disk.
    const named = origin.url.replace('127.0.0.1', 'localhost');
    const passing = await startEdge({ origin: named, backend: 'inmemory', variables: { CLIENT_AUTH: 'anonymous' } });
    const times: Record<'passThrough' | 'fill' | 'hit', number[]> = { passThrough: [], fill: [], hit: [] };
    for (let round = 0; round < ROUNDS; round++) {
      const blob = await push(`round ${round}`);
      times.passThrough.push((await pull(passing.url, blob)).seconds);
      times.fill.push((await pull(edge.url, blob)).seconds);
      times.hit.push((await pull(edge.url, blob)).seconds);
    }
    const best = (all: readonly number[]) => Math.round(BYTES / 1e6 / Math.min(...all));
    const [passThrough, fill, hit] = [best(times.passThrough), best(times.fill), best(times.hit)];
    console.log(`300 MB, the best of ${ROUNDS}, in MB/s: a pass-through ${passThrough}, a fill ${fill}, a hit ${hit}`);
    // The fill goes at the pace of the simulated R2, which takes a tenth of what a connection does.
    expect(hit).toBeGreaterThan(passThrough / 3);
  });
});
