import { serveOnMiniflare } from './miniflare.ts';
import { startOriginOf } from './origin.ts';
import { figureOf, type Report } from './report.ts';
import { runRounds } from './rounds.ts';
import { BUNDLE, barePath, type Settings } from './settings.ts';

/** Of a hit, which is fast, and of a fill: miniflare's R2 takes some 30 MB a second. */
const [HIT_BYTES, FILL_BYTES] = [300_000_000, 50_000_000];
/** An origin at a distance. */
const FAR_BYTES_A_SECOND = 20_000_000;
const ADMIN_TOKEN = 'the-token-of-the-bench';
const VARIABLES = {
  ...{ BLOBDESCRIPTOR: 'inmemory', CLIENT_AUTH: 'anonymous', BLOB_STORE: 'r2', MEMORY_TTL: '1h', LOG_LEVEL: 'warn' },
  ADMIN_TOKEN,
};
const asValue = (rate: number) => rate;

/** An edge that keeps bytes, and a bare handler on the same bucket, which miniflare simulates. */
interface Sides {
  readonly paths: readonly string[];
  readonly edge: string;
  readonly bare: string;
}

/** @param origin how many blobs it has, of how many bytes, and how fast it sends them */
async function startSides(...origin: Parameters<typeof startOriginOf>): Promise<Sides> {
  const { url, paths } = await startOriginOf(...origin);
  const bindings = { ORIGIN_URL: url };
  const { urls } = await serveOnMiniflare(
    { script: BUNDLE, bindings: { ...VARIABLES, ...bindings } },
    { script: barePath('bytes.js'), bindings },
  );
  return { paths, edge: urls[0] ?? '', bare: urls[1] ?? '' };
}

/** Measures a large blob from R2, against a handler that does nothing but read it there. */
export async function bytesHit(row: string, { rounds }: Settings): Promise<Report> {
  const { paths, edge, bare } = await startSides(1, HIT_BYTES);
  const [path = ''] = paths;
  await pull(edge + path, HIT_BYTES, 'stored');
  await expectStored(edge, path, HIT_BYTES);
  const key = `blobs/${digestIn(path).replace(':', '/')}`;
  const results = await runRounds(rounds, {
    edge: () => pull(edge + path, HIT_BYTES, 'hit; detail=r2'),
    other: () => pull(`${bare}/r2/${key}`, HIT_BYTES),
  });
  const about = { row, against: 'bare R2 read', measure: 'MB/s', target: { atLeast: 0.9 } };
  return { figures: [figureOf(about, results, asValue)] };
}

/**
 * Measures the first pull of a large blob, which fills R2: against a handler that passes it through, where the origin
 * sends more slowly than miniflare's R2 takes; and against one that also puts it into R2, where it sends faster.
 */
export async function bytesFill(row: string, { rounds }: Settings): Promise<Report> {
  const about = { row, measure: 'MB/s', target: { atLeast: 0.85 } };
  const far = await fillRounds(rounds, 'pass', FAR_BYTES_A_SECOND);
  const near = await fillRounds(rounds, 'fill');
  return {
    figures: [
      figureOf({ ...about, against: 'bare pass-through at 20 MB/s' }, far, asValue),
      figureOf({ ...about, against: 'the same with a put into R2' }, near, asValue),
    ],
  };
}

/** @param bare what the bare handler does */
async function fillRounds(rounds: number, bare: 'pass' | 'fill', bytesPerSecond?: number) {
  const sides = await startSides(rounds + 1, FILL_BYTES, bytesPerSecond);
  let round = 0;
  return runRounds(rounds, {
    edge: async () => {
      const path = sides.paths[round++] ?? '';
      const rate = await pull(sides.edge + path, FILL_BYTES, 'stored');
      await expectStored(sides.edge, path, FILL_BYTES);
      return rate;
    },
    other: () => pull(`${sides.bare}/${bare}${sides.paths[round - 1]}`, FILL_BYTES),
  });
}

const digestIn = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/** Pulls a blob. @param size its bytes @param status what `Cache-Status` has to say @returns MB/s */
async function pull(url: string, size: number, status = ''): Promise<number> {
  const since = performance.now();
  const response = await fetch(url);
  let bytes = 0;
  for await (const part of response.body ?? []) bytes += part.length;
  const seconds = (performance.now() - since) / 1_000;
  const said = response.headers.get('cache-status') ?? '';
  if (response.status !== 200 || bytes !== size || !said.includes(status)) {
    throw new Error(`${url}: ${response.status}, ${bytes} bytes, ${said}; expected ${status}`);
  }
  return bytes / 1e6 / seconds;
}

/** A fill that was given up would be as fast as none. */
async function expectStored(edge: string, path: string, expected: number): Promise<void> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const response = await fetch(`${edge}/_edge/blobs/${digestIn(path)}`, { headers });
  const { size } = (await response.json()) as { readonly size: number | null };
  if (size !== expected) throw new Error(`${path} is not stored: ${response.status}, ${size} bytes`);
}
