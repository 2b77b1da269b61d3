import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { inject } from 'vitest';
import { createApp } from '../../src/app.ts';
import { createUpstream } from '../../src/assemble.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import { type Clock, createClock } from './context.ts';

export interface Edge {
  /** Sends a request and waits until all that goes on after the reply is over. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Sends a request; `over` settles when all that goes on after the reply is. */
  send(path: string, init?: RequestInit): { answer: Promise<Response>; over: Promise<void> };
  readonly clock: Clock;
  /** Every line of the log, as written. */
  readonly log: string[];
}

export interface EdgeOptions {
  readonly clock?: Clock;
  /** Changes what the configuration gives, such as its store. */
  readonly upstream?: (made: Upstream) => Upstream;
  /** Instead of the KV namespace of the tests. */
  readonly namespace?: DescriptorNamespace | undefined;
}

/** An isolate of the edge in front of the rigged origin, KV below it: the application with a clock that tests turn. */
export function createEdge(variables: Record<string, string> = {}, options: EdgeOptions = {}): Edge {
  const clock = options.clock ?? createClock(Date.now());
  const log: string[] = [];
  const config = parseConfig({ ORIGIN_URL: inject('originUrl'), DESCRIPTORS: env.DESCRIPTORS, ...variables });
  const made = createUpstream(config, { DESCRIPTORS: options.namespace ?? env.DESCRIPTORS });
  const app = createApp({
    upstream: options.upstream?.(made) ?? made,
    log: createLogger('debug', (line) => log.push(line)),
    adminToken: config.adminToken,
    eventsToken: config.eventsToken,
    now: clock.now,
  });

  function send(path: string, init?: RequestInit) {
    const execution = createExecutionContext();
    const request = new Request(`https://edge.test${path}`, fromClient(init));
    const answer = Promise.resolve(app.fetch(request, env, execution));
    return { answer, over: answer.then(() => waitOnExecutionContext(execution)) };
  }

  return {
    async fetch(path, init) {
      const { answer, over } = send(path, { redirect: 'manual', ...init });
      await over;
      return answer;
    },
    send,
    clock,
    log,
  };
}

/** A client's body is no stream of this runtime's own making, which could not be pumped into another of those. */
function fromClient(init: RequestInit | undefined): RequestInit | undefined {
  if (!(init?.body instanceof ReadableStream)) return init;
  const reader = (init.body as ReadableStream<Uint8Array>).getReader();
  const body = new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const { done, value } = await reader.read();
      if (!done) return controller.enqueue(value);
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return { ...init, body };
}

/** The value of `Cache-Status`, or null. */
export function cacheStatusOf(response: Response): string | null {
  return response.headers.get('cache-status');
}

/** All headers but those that may differ from one answer to the next. */
export function lastingHeaders(response: Response): Record<string, string> {
  const headers = Object.fromEntries(response.headers);
  for (const name of ['date', 'cache-status', 'server-timing']) delete headers[name];
  return headers;
}
