import { basename } from 'node:path';
import { readModules } from '../../local/build.ts';
import { compatibility } from '../../local/edge.ts';
import { request } from '../e2e/support/http.ts';
import { bundle } from './bundle.ts';
import { figureOf, numberText, type Report } from './report.ts';
import { medianOf, runRounds } from './rounds.ts';
import { BUNDLE, barePath, type Settings } from './settings.ts';
import { serveOnWorkerd } from './workerd.ts';

const ISOLATES_PER_ROUND = 10;
/** An anonymous mirror answers `GET /v2/` itself, so this origin receives nothing. */
const VARIABLES = {
  ORIGIN_URL: 'https://registry.example.com',
  BLOBDESCRIPTOR: 'durable',
  // `GET /v2/` asks no store, so none has to stand behind the binding.
  REPOSITORIES: {},
  CLIENT_AUTH: 'anonymous',
  LOG_LEVEL: 'warn',
};

/** The times of two requests to one isolate, in ms. */
interface Times {
  readonly first: number;
  /** The same request once more: the time that the transport to an isolate takes. */
  readonly second: number;
}

/**
 * Measures the first request to a fresh isolate, against an empty Hono Worker: its time less that of the same request
 * to the running isolate. workerd creates the isolates in a running process, as the platform does.
 */
export async function coldStart(row: string, { rounds }: Settings): Promise<Report> {
  const edge = await serveLoader(BUNDLE);
  const other = await serveLoader(await bundle(barePath('hono.js')));
  const times = await runRounds(rounds, { edge: () => startIsolates(edge), other: () => startIsolates(other) });

  const about = { row, against: 'empty Hono Worker', measure: 'first request, ms', target: { atMost: 1.7 } };
  const second = (results: readonly Times[]) => numberText(medianOf(results.map((result) => result.second)));
  return {
    figures: [figureOf(about, times, ({ first, second }) => first - second)],
    notes: [
      `\`${row}\`: the time of a second request is subtracted, ${second(times.edge)} ms at the edge and ${second(times.other)} ms at Hono.`,
    ],
  };
}

async function serveLoader(script: string): Promise<string> {
  const worker = { ...(await compatibility()), mainModule: basename(script), modules: await readModules(script) };
  const bindings = { WORKER: { ...worker, env: VARIABLES } };
  return (await serveOnWorkerd({ script: barePath('loader.js'), bindings, loadsWorkers: true })).url;
}

let isolateCount = 0;

async function startIsolates(url: string): Promise<Times> {
  const first: number[] = [];
  const second: number[] = [];
  for (let started = 0; started < ISOLATES_PER_ROUND; started++) {
    const isolate = String(isolateCount++);
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
