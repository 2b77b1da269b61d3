import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { atEnd } from './cleanup.ts';

/** The answer to one request, kept back. */
export interface Held {
  /** The target has answered. */
  readonly answered: Promise<void>;
  release(): void;
}

/** How requests fail. */
export interface Failing {
  /** What is answered to GET and to all that write; without it, an error of no meaning. */
  readonly body?: string;
  /** Which requests fail; without it, all. */
  fails?(asked: IncomingMessage): boolean;
}

/** An HTTP proxy that counts. */
export interface CountingProxy {
  readonly url: string;
  /** How often this was asked since the start. */
  count(method: string, path: string): number;
  /** All requests since the start, as `METHOD path`. */
  readonly requests: readonly string[];
  /** What was said with the last request of a method. */
  lastHeaders(method: string): IncomingHttpHeaders | undefined;
  /** Keeps back the answer to the next such request until it is released. */
  holdNext(method: string, path: string): Held;
  /** From now on answers everything itself, and the target hears nothing. */
  failWith(status: number, headers?: Readonly<Record<string, string>>, how?: Failing): void;
  /** Ends that. */
  recover(): void;
}

/** What a failure says, in the words of the specification. */
const FAILURE = '{"errors":[{"code":"UNKNOWN","message":"of the proxy"}]}';

/**
 * In front of a registry; streams both ways and leaves every header as it came.
 * @param adds lines of headers that every answer of the target gets beside its own
 */
export async function startCountingProxy(
  target: string,
  adds: readonly (readonly [name: string, value: string])[] = [],
): Promise<CountingProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const requests: string[] = [];
  const lastHeaders = new Map<string, IncomingHttpHeaders>();
  const gates = new Map<string, { answered(): void; readonly released: Promise<void> }>();
  let failure: (Failing & { readonly status: number; readonly headers: Readonly<Record<string, string>> }) | undefined;

  // Node's own bound is below what registries and Workers take.
  const server = createServer({ maxHeaderSize: 65_536 }, (client: IncomingMessage, answer: ServerResponse) => {
    const asked = `${client.method} ${client.url}`;
    requests.push(asked);
    lastHeaders.set(client.method ?? '', client.headers);
    if (failure && (failure.fails?.(client) ?? true)) {
      const { status, headers, body = FAILURE } = failure;
      client.resume();
      answer.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
      return;
    }
    const gate = gates.get(asked);
    gates.delete(asked);
    const { method, url: path, rawHeaders: headers } = client;
    const onward = request({ hostname, port, agent, method, path, headers }, async (origin) => {
      gate?.answered();
      await gate?.released;
      answer.writeHead(origin.statusCode ?? 502, origin.statusMessage, [...origin.rawHeaders, ...adds.flat()]);
      origin.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    client.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
    agent.destroy();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: (method, path) => requests.filter((asked) => asked === `${method} ${path}`).length,
    requests,
    lastHeaders: (method) => lastHeaders.get(method),
    holdNext(method, path) {
      const answered = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      gates.set(`${method} ${path}`, { answered: answered.resolve, released: released.promise });
      return { answered: answered.promise, release: released.resolve };
    },
    failWith(status, headers = {}, how = {}) {
      failure = { status, headers, ...how };
    },
    recover() {
      failure = undefined;
    },
  };
}
