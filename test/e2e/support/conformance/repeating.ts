import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { isHit } from '../hits.ts';
import { type Answer, request, type Sent } from '../http.ts';
import { listen } from '../listen.ts';

/** A GET or HEAD that was asked twice, one right after the other. */
export interface Pair {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** The headers of the client. */
  readonly headers: IncomingHttpHeaders;
  readonly first: Answer;
  readonly second: Answer;
  /** What the origin itself answers to the same, right after the second answer, if that was a hit. */
  readonly origin: Answer | undefined;
  /** How long before the first question this path was deleted, in ms; `undefined` if it never was. */
  readonly deletedBeforeMs: number | undefined;
}

export interface RepeatingProxy {
  readonly url: string;
  /** Every GET and HEAD since the start, in the order of the second answers. */
  readonly pairs: readonly Pair[];
}

/**
 * Starts a proxy that asks each GET and HEAD twice and gives its client the second answer. Everything else passes once.
 * Whole bodies are held, so it is for small content.
 * @param target the URL of an edge, or of a registry
 * @param origin the URL of the registry behind the edge, to compare hits with
 */
export async function startRepeatingProxy(target: string, origin?: string): Promise<RepeatingProxy> {
  const pairs: Pair[] = [];
  /** By path, when a DELETE of it succeeded. */
  const deletedAtMs = new Map<string, number>();

  async function answerOf(client: IncomingMessage): Promise<Answer> {
    const { method = '', url: path = '', headers } = client;
    const ask = (url: string, sent: Sent = {}) => request(method, url + path, { headers: linesOf(client), ...sent });
    if (method !== 'GET' && method !== 'HEAD') {
      const answer = await ask(target, { body: client });
      if (method === 'DELETE' && answer.status === 202) deletedAtMs.set(path, performance.now());
      return answer;
    }
    const deletedBeforeMs = performance.now() - (deletedAtMs.get(path) ?? Number.NaN);
    const first = await ask(target);
    const second = await ask(target);
    pairs.push({
      ...{ method, path, headers, first, second },
      origin: origin !== undefined && isHit(second) ? await ask(origin) : undefined,
      deletedBeforeMs: Number.isNaN(deletedBeforeMs) ? undefined : deletedBeforeMs,
    });
    return second;
  }

  const server = createServer(async (client: IncomingMessage, answer: ServerResponse) => {
    try {
      const { status, headers, body } = await answerOf(client);
      answer.writeHead(status, headers).end(body);
    } catch {
      // The client's test fails, and says at which request.
      answer.destroy();
    }
  });
  // A connection that the proxy closed for being idle would fail the client that uses it at that moment.
  server.keepAliveTimeout = 0;
  return { url: await listen(server), pairs };
}

/** The client's headers as they came: those of several lines keep them. Node takes no array for the Host. */
function linesOf({ headersDistinct, headers }: IncomingMessage): NonNullable<Sent['headers']> {
  const lines = Object.entries(headersDistinct).map(([name, values = []]) => [name, values] as const);
  return { ...Object.fromEntries(lines), host: headers.host ?? '' };
}
