import type { LoadResult } from './load.ts';
import { serveOnMiniflare } from './miniflare.ts';
import { type Origin, startOrigin } from './origin.ts';
import { figureOf, type Report } from './report.ts';
import { runRounds } from './rounds.ts';
import { BUNDLE, barePath, type Settings } from './settings.ts';
import { constantHeaders, warmUp } from './warm.ts';
import { blobOfNewCaller, figuresOf, loadOfNewCaller, VARIABLES } from './warmStore.ts';

const variablesOf = ({ url }: Origin, backend: string) => ({
  ...VARIABLES,
  ORIGIN_URL: url,
  BLOBDESCRIPTOR: backend,
});

/**
 * Measures a warm HEAD from a Durable Object, of a caller that may push, against a handler that sends the same request
 * to the same object, and against an edge whose store is KV. All run on miniflare.
 */
export async function warmDurable(row: string, { rounds, seconds }: Settings): Promise<Report> {
  const origin = await startOrigin();
  const edge = { script: BUNDLE, bindings: variablesOf(origin, 'durable') };
  const onKv = await serveOnMiniflare({ script: BUNDLE, bindings: variablesOf(origin, 'kv') });
  const HEADERS = constantHeaders(await warmUp(blobOfNewCaller(onKv.urls[0] ?? '', origin)));
  const [, name, digest] = /^\/v2\/(.+)\/blobs\/(.+)$/.exec(origin.path) ?? [];
  const KEYS = { askedAs: 'caller', retentionMs: 3_600_000, lifeMs: 3_660_000, links: 'blobs', digests: [digest] };
  const bare = { script: barePath('durable.js'), bindings: { HEADERS, KEYS, OBJECT: `${origin.url}/ ${name}` } };
  const { urls } = await serveOnMiniflare(edge, bare);
  await warmUp(blobOfNewCaller(urls[0] ?? '', origin));

  const loadOf = (url = '') => loadOfNewCaller(url, origin, seconds);
  const results = await runRounds(rounds, {
    edge: () => loadOf(urls[0]),
    other: () => loadOf(urls[1]),
    kv: () => loadOf(onKv.urls[0]),
  });
  const againstKv = { row, against: 'KV', measure: 'HEADs/s', target: { atLeast: 2 } };
  const perSecond = (result: LoadResult) => result.perSecond;
  return {
    figures: [...figuresOf(row, results), figureOf(againstKv, { edge: results.edge, other: results.kv }, perSecond)],
  };
}

/** The rows of a large repository, and of a small one. */
const [MANY, FEW] = [1_000_000, 1_000];
const ROWS_A_REQUEST = 1_000;

/** Measures looks into an object with very many rows against looks into one with few. */
export async function durableRows(row: string, { rounds }: Settings): Promise<Report> {
  const { urls } = await serveOnMiniflare(
    { script: BUNDLE, bindings: { BLOBDESCRIPTOR: 'durable', ORIGIN_URL: 'https://registry.example.com' } },
    { script: barePath('looks.js'), bindings: {} },
  );
  const send = async (path: string, method: string) => {
    const response = await fetch(`${urls[1]}/${path}`, { method });
    if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  };
  for (const [name, count] of [
    ['many', MANY],
    ['few', FEW],
  ] as const) {
    for (let first = 0; first < count; first += ROWS_A_REQUEST) await send(`${name}/${first}`, 'PUT');
  }
  const look = (path: string) => async () => {
    const since = performance.now();
    await send(path, 'GET');
    return performance.now() - since;
  };
  const results = await runRounds(rounds, { edge: look(`many/${MANY}`), other: look(`few/${FEW}`) });
  const about = { row, against: 'a thousand rows', measure: '500 looks, ms', target: { atMost: 1.2 } };
  return { figures: [figureOf(about, results, (ms) => ms)] };
}
