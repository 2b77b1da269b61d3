import { compatibility } from '../../local/edge.ts';
import { request } from '../e2e/support/http.ts';
import { bundle } from './bundle.ts';
import { figureOf, numberText, type Report } from './report.ts';
import { inTurn, medianOf } from './rounds.ts';
import { BUNDLE, bare, type Settings } from './settings.ts';
import { serveOnWorkerd } from './workerd.ts';

const ISOLATES_PER_ROUND = 10;
/** An anonymous mirror answers `GET /v2/` itself; nothing is asked of this origin. */
const VARIABLES = {
  ORIGIN_URL: 'https://registry.example.com',
  BLOBDESCRIPTOR: 'inmemory',
  CLIENT_AUTH: 'anonymous',
  LOG_LEVEL: 'warn',
};

/** In ms. */
interface Times {
  readonly first: number;
  /** The same request of an isolate that has answered before: what the way to an isolate takes. */
  readonly second: number;
}

/**
 * The first request on a fresh isolate, against an empty Hono Worker: from the request to the answer, less what the same
 * request takes once the isolate is there. workerd makes the isolates in a process that is running, as the platform does.
 */
export async function coldStart(row: string, { rounds }: Settings): Promise<Report> {
  const edge = await serveLoader(BUNDLE);
  const other = await serveLoader(await bundle(bare('hono.js')));
  const times = await inTurn(rounds, { edge: () => startIsolates(edge), other: () => startIsolates(other) });

  const about = { row, against: 'empty Hono Worker', measure: 'first request, ms', target: { atMost: 1.3 } };
  const second = (results: readonly Times[]) => numberText(medianOf(results.map((result) => result.second)));
  return {
    figures: [figureOf(about, times, ({ first, second }) => first - second)],
    notes: [
      `\`${row}\`: less the time of a second request, ${second(times.edge)} ms at the edge and ${second(times.other)} ms at Hono.`,
    ],
  };
}

async function serveLoader(script: string): Promise<string> {
  const bindings = { COMPATIBILITY: await compatibility(), VARIABLES };
  return (await serveOnWorkerd({ script: bare('loader.js'), bindings, texts: { code: script }, loadsWorkers: true }))
    .url;
}

let isolates = 0;

async function startIsolates(url: string): Promise<Times> {
  const first: number[] = [];
  const second: number[] = [];
  for (let started = 0; started < ISOLATES_PER_ROUND; started++) {
    const isolate = String(isolates++);
    first.push(await timeOf(url, isolate));
    second.push(await timeOf(url, isolate));
  }
  return { first: medianOf(first), second: medianOf(second) };
}

async function timeOf(url: string, isolate: string): Promise<number> {
  const startedAt = performance.now();
  const { status, body } = await request('GET', `${url}/v2/`, { headers: { isolate } });
  const ms = performance.now() - startedAt;
  if (status !== 200 || body.toString() !== '{}') throw new Error(`a fresh isolate answered ${status} ${body}`);
  return ms;
}
