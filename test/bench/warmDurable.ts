import { bundle } from './bundle.ts';
import { withCpu } from './cpu.ts';
import { serveOnMiniflare } from './miniflare.ts';
import { type Origin, startOrigin } from './origin.ts';
import { figureOf, type Report } from './report.ts';
import { runRounds } from './rounds.ts';
import { BUNDLE, barePath, type Settings } from './settings.ts';
import { constantHeaders, warmUp } from './warm.ts';
import { blobOfNewCaller, figuresOf, loadOfNewCaller, VARIABLES } from './warmStore.ts';
import { type Served, serveOnWorkerd } from './workerd.ts';

const variablesOf = ({ url }: Origin, backend: string) => ({
  ...VARIABLES,
  ORIGIN_URL: url,
  BLOBDESCRIPTOR: backend,
});

/**
 * Measures a warm HEAD from a Durable Object, of a caller that may push, against a handler that sends the same request
 * to such an object.
 */
export async function warmDurable(row: string, { rounds, seconds }: Settings): Promise<Report> {
  const origin = await startOrigin();
  const { edge, other } = await serveWarmDurable(origin);
  const loadOf = ({ url, process }: Served) => withCpu(process.pid, () => loadOfNewCaller(url, origin, seconds));
  const results = await runRounds(rounds, { edge: () => loadOf(edge), other: () => loadOf(other) });
  const about = { row, against: 'bare handler', measure: 'CPU, µs a HEAD' };
  return {
    figures: [...figuresOf(row, results), figureOf(about, results, ({ cpuMicroseconds }) => cpuMicroseconds)],
  };
}

/**
 * Starts an edge that has the origin's blob in a Durable Object, and a handler with such an object of its own.
 * @param script the path of the edge's build
 */
export async function serveWarmDurable(
  origin: Origin,
  isInspected = false,
  script = BUNDLE,
): Promise<{ edge: Served; other: Served }> {
  const objects = { REPOSITORIES: 'RepositoryObject' };
  const edge = await serveOnWorkerd({ script, bindings: variablesOf(origin, 'durable'), isInspected, objects });
  const HEADERS = constantHeaders(await warmUp(blobOfNewCaller(edge.url, origin)));
  const [, OBJECT, digest] = /^\/v2\/(.+)\/blobs\/(.+)$/.exec(origin.path) ?? [];
  const KEYS = { askedAs: 'caller', retentionMs: 3_600_000, lifeMs: 3_660_000, links: 'blobs', digests: [digest] };
  const descriptor = { digest, size: Number(HEADERS['content-length']), mediaType: HEADERS['content-type'] };
  const bindings = { HEADERS, OBJECT, KEYS, VALUE: { descriptor, verifiedAt: Date.now() } };
  const bare = await bundle(barePath('durable.js'));
  const other = await serveOnWorkerd({ script: bare, bindings, isInspected, objects });
  const filled = await fetch(other.url, { method: 'PUT' });
  if (filled.status !== 200) throw new Error(`the bare handler has no entry: ${filled.status}`);
  return { edge, other };
}

/** Measures such a HEAD against the same from KV; both edges run on miniflare, which simulates KV. */
export async function durableKv(row: string, { rounds, seconds }: Settings): Promise<Report> {
  const origin = await startOrigin();
  const onStore = async (backend: string) => {
    const { urls } = await serveOnMiniflare({ script: BUNDLE, bindings: variablesOf(origin, backend) });
    return () => loadOfNewCaller(urls[0] ?? '', origin, seconds);
  };
  const results = await runRounds(rounds, { edge: await onStore('durable'), other: await onStore('kv') });
  const about = { row, against: 'edge on KV', measure: 'HEADs/s', target: { atLeast: 2 } };
  return { figures: [figureOf(about, results, ({ perSecond }) => perSecond)] };
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
