import { head } from '../e2e/support/http.ts';
import { startTokenServer } from '../e2e/support/tokenServer.ts';
import { withCpu } from './cpu.ts';
import { startOrigin } from './origin.ts';
import { figureOf, numberText, type Report } from './report.ts';
import { medianOf, runRounds } from './rounds.ts';
import { BUNDLE, type Settings } from './settings.ts';
import { serveOnWorkerd } from './workerd.ts';

const REQUESTS = 1_000;

/** Measures what the edge spends on a token that it has not seen, against one that it has verified before. */
export async function freshTokens(row: string, { rounds }: Settings): Promise<Report> {
  const origin = await startOrigin();
  const tokens = await startTokenServer('ES256');
  const { issuer, service } = tokens.auth;
  const bindings = {
    ...{ ORIGIN_URL: origin.url, BLOBDESCRIPTOR: 'inmemory', LOG_LEVEL: 'warn', PUSH_EXISTENCE_TTL: '1h' },
    ...{ TOKEN_JWKS: tokens.jwks, TOKEN_ISSUER: issuer, TOKEN_SERVICE: service },
  };
  const edge = await serveOnWorkerd({ script: BUNDLE, bindings });
  const [, name] = /^\/v2\/(.+)\/blobs\//.exec(origin.path) ?? [];
  const issue = () => tokens.issue(`repository:${name}:pull`);
  const known = await issue();
  const ask = async (token: string) => {
    const { status } = await head(edge.url + origin.path, { authorization: `Bearer ${token}` });
    if (status !== 200) throw new Error(`a HEAD with a valid token was answered ${status}`);
  };
  await ask(known);
  const asked = origin.requestCount();
  /** @returns the CPU of the edge a request, in µs */
  const cost = async (all: readonly string[]) => {
    const load = async () => {
      for (const token of all) await ask(token);
      return { responses: all.length };
    };
    return (await withCpu(edge.process.pid, load)).cpuMicroseconds;
  };
  const results = await runRounds(rounds, {
    edge: async () => cost(await Promise.all(Array.from({ length: REQUESTS }, issue))),
    other: () => cost(Array.from({ length: REQUESTS }, () => known)),
  });
  if (origin.requestCount() > asked) throw new Error('a HEAD with a valid token reached the origin');
  const difference = medianOf(results.edge.map((microseconds, round) => microseconds - (results.other[round] ?? 0)));
  return {
    figures: [figureOf({ row, against: 'a token verified before', measure: 'CPU, µs a HEAD' }, results, (cpu) => cpu)],
    notes: [`\`${row}\`: verifying an ES256 token takes ${numberText(difference)} µs of CPU; the target is 300.`],
  };
}
