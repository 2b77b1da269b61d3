import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { atEnd } from './cleanup.ts';
import { listen } from './listen.ts';

/** The answer to one request, which the proxy holds back. */
export interface Held {
  /** Resolves when the target has answered. */
  readonly answered: Promise<void>;
  release(): void;
}

/** Which requests fail, and how. */
export interface Failing {
  /** The body of the failure; by default an error with the code `UNKNOWN`. */
  readonly body?: string;
  /** Whether this request fails; by default all do. */
  fails?(request: IncomingMessage): boolean;
}

/** A request that the target has answered. */
export interface Answered {
  /** `METHOD path`. */
  readonly request: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** When the request arrived, by `performance.now()`, and when its answer began. */
  readonly since: number;
  readonly until: number;
}

/** An HTTP proxy that counts requests, holds answers back and fails on demand. */
export interface CountingProxy {
  readonly url: string;
  /** The number of such requests since the start. */
  count(method: string, path: string): number;
  /** All requests since the start, as `METHOD path`. */
  readonly requests: readonly string[];
  /** Those of them that the target has answered, in the order of the answers. */
  readonly answers: readonly Answered[];
  /** The headers of the last request with this method. */
  lastHeaders(method: string): IncomingHttpHeaders | undefined;
  /** Holds the answer to the next such request back until it is released. */
  holdNext(method: string, path: string): Held;
  /** From now on holds each answer of the target back for this time. */
  slowDown(ms: number): void;
  /** From now on answers requests itself; the target receives none of them. */
  failWith(status: number, headers?: Readonly<Record<string, string>>, how?: Failing): void;
  /** Ends the failure: the target answers again. */
  recover(): void;
}

/** The body of a failure, in the form of the distribution specification. */
const FAILURE = '{"errors":[{"code":"UNKNOWN","message":"of the proxy"}]}';

/**
 * Starts a proxy in front of a registry. It streams both ways and passes all headers on unchanged.
 * @param extraHeaders header lines that it adds to each answer of the target
 */
export async function startCountingProxy(
  target: string,
  extraHeaders: readonly (readonly [name: string, value: string])[] = [],
): Promise<CountingProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const requests: string[] = [];
  const answers: Answered[] = [];
  const lastHeaders = new Map<string, IncomingHttpHeaders>();
  const gates = new Map<string, { answered(): void; readonly released: Promise<void> }>();
  let delayMs = 0;
  let failure: (Failing & { readonly status: number; readonly headers: Readonly<Record<string, string>> }) | undefined;

  // By default Node bounds headers below what registries and Workers accept.
  const server = createServer({ maxHeaderSize: 65_536 }, (client: IncomingMessage, answer: ServerResponse) => {
    const key = `${client.method} ${client.url}`;
    const since = performance.now();
    requests.push(key);
    lastHeaders.set(client.method ?? '', client.headers);
    if (failure && (failure.fails?.(client) ?? true)) {
      const { status, headers, body = FAILURE } = failure;
      client.resume();
      answer.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
      return;
    }
    const gate = gates.get(key);
    gates.delete(key);
    const { method, url: path, rawHeaders: headers } = client;
    const forwarded = request({ hostname, port, agent, method, path, headers }, async (origin) => {
      gate?.answered();
      await gate?.released;
      if (delayMs > 0) await setTimeout(delayMs);
      const status = origin.statusCode ?? 502;
      answers.push({ request: key, status, headers: origin.headers, since, until: performance.now() });
      answer.writeHead(status, origin.statusMessage, [...origin.rawHeaders, ...extraHeaders.flat()]);
      origin.pipe(answer);
    });
    forwarded.on('error', () => answer.destroy());
    answer.on('close', () => forwarded.destroy());
    client.pipe(forwarded);
  });
  // A connection that the proxy closed for being idle would fail the client that uses it at that moment.
  server.keepAliveTimeout = 0;
  atEnd(async () => agent.destroy());
  return {
    url: await listen(server),
    count: (method, path) => requests.filter((key) => key === `${method} ${path}`).length,
    requests,
    answers,
    lastHeaders: (method) => lastHeaders.get(method),
    holdNext(method, path) {
      const answered = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      gates.set(`${method} ${path}`, { answered: answered.resolve, released: released.promise });
      return { answered: answered.promise, release: released.resolve };
    },
    slowDown(ms) {
      delayMs = ms;
    },
    failWith(status, headers = {}, how = {}) {
      failure = { status, headers, ...how };
    },
    recover() {
      failure = undefined;
    },
  };
}
