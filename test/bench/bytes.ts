import { serveOnMiniflare } from './miniflare.ts';
import { startOriginOf } from './origin.ts';
import { figureOf, type Report } from './report.ts';
import { runRounds } from './rounds.ts';
import { BUNDLE, barePath, type Settings } from './settings.ts';

const BLOB_BYTES = 50_000_000;
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

/** @param blobs how many the origin has */
async function startSides(blobs: number): Promise<Sides> {
  const { url, paths } = await startOriginOf(blobs, BLOB_BYTES);
  const bindings = { ORIGIN_URL: url };
  const { urls } = await serveOnMiniflare(
    { script: BUNDLE, bindings: { ...VARIABLES, ...bindings } },
    { script: barePath('bytes.js'), bindings },
  );
  return { paths, edge: urls[0] ?? '', bare: urls[1] ?? '' };
}

/** Measures a large blob from R2, against a handler that does nothing but read it there. */
export async function bytesHit(row: string, { rounds }: Settings): Promise<Report> {
  const { paths, edge, bare } = await startSides(1);
  const [path = ''] = paths;
  await pull(edge + path, 'stored');
  await expectStored(edge, path);
  const key = `blobs/${digestIn(path).replace(':', '/')}`;
  const results = await runRounds(rounds, {
    edge: () => pull(edge + path, 'hit; detail=r2'),
    other: () => pull(`${bare}/r2/${key}`),
  });
  const about = { row, against: 'bare R2 read', measure: 'MB/s', target: { atLeast: 0.9 } };
  return { figures: [figureOf(about, results, asValue)] };
}

/**
 * Measures the first pull of a large blob, which fills R2, against a handler that passes it through, and one that also
 * puts it into R2.
 */
export async function bytesFill(row: string, { rounds }: Settings): Promise<Report> {
  const { paths, edge, bare } = await startSides(rounds + 1);
  let round = 0;
  const {
    edge: fills,
    passed,
    filled,
  } = await runRounds(rounds, {
    edge: async () => {
      const path = paths[round++] ?? '';
      const rate = await pull(edge + path, 'stored');
      await expectStored(edge, path);
      return rate;
    },
    passed: () => pull(`${bare}/pass${paths[round - 1]}`),
    filled: () => pull(`${bare}/fill${paths[round - 1]}`),
  });
  const about = { row, measure: 'MB/s', target: { atLeast: 0.85 } };
  return {
    figures: [
      figureOf({ ...about, against: 'bare pass-through' }, { edge: fills, other: passed }, asValue),
      figureOf({ ...about, against: 'the same with a put into R2' }, { edge: fills, other: filled }, asValue),
    ],
  };
}

const digestIn = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/** Pulls a blob. @param status what `Cache-Status` has to say @returns MB/s */
async function pull(url: string, status = ''): Promise<number> {
  const since = performance.now();
  const response = await fetch(url);
  let bytes = 0;
  for await (const part of response.body ?? []) bytes += part.length;
  const seconds = (performance.now() - since) / 1_000;
  const said = response.headers.get('cache-status') ?? '';
  if (response.status !== 200 || bytes !== BLOB_BYTES || !said.includes(status)) {
    throw new Error(`${url}: ${response.status}, ${bytes} bytes, ${said}; expected ${status}`);
  }
  return bytes / 1e6 / seconds;
}

/** A fill that was given up would be as fast as none. */
async function expectStored(edge: string, path: string): Promise<void> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const response = await fetch(`${edge}/_edge/blobs/${digestIn(path)}`, { headers });
  const { size } = (await response.json()) as { readonly size: number | null };
  if (size !== BLOB_BYTES) throw new Error(`${path} is not stored: ${response.status}, ${size} bytes`);
}
