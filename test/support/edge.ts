import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { inject } from 'vitest';
import { createApp } from '../../src/app.ts';
import { createIsolate, createUpstream, type Isolate } from '../../src/assemble.ts';
import { BYTE_BACKENDS } from '../../src/assembleBytes.ts';
import { BACKENDS } from '../../src/assembleCaches.ts';
import type { BlobBucket } from '../../src/bytes/r2.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { AnalyticsDataset } from '../../src/metrics/analytics.ts';
import type { MetricsRpc } from '../../src/metrics/rpc.ts';
import type { RepositoryNamespace } from '../../src/stores/durable/namespace.ts';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';
import type { EventSink } from '../../src/telemetry/events.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import { createUpstreams } from '../../src/upstream/upstreams.ts';
import { type Clock, createClock } from './context.ts';

export interface Edge {
  /**
   * Sends a request and waits until all work after the reply has ended.
   * @param path or a whole URL, to reach the edge at another host
   */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Sends a request; `over` settles when all work after the reply has ended. */
  send(path: string, init?: RequestInit): { answer: Promise<Response>; over: Promise<void> };
  readonly clock: Clock;
  /** The lines of the log, as written. */
  readonly log: string[];
}

export interface EdgeOptions {
  readonly clock?: Clock;
  /** Replaces parts of the upstream that the configuration gives, such as its store. */
  readonly upstream?: (made: Upstream) => Upstream;
  /** Receives the events in place of the log. */
  readonly sink?: EventSink;
  /** The upstream's alias; by default it is the default upstream. */
  readonly alias?: string;
  /** What the edge shares with other upstreams of its isolate. */
  readonly isolate?: Isolate;
  /** The object that gathers the counts; without it, nothing is counted. */
  readonly metrics?: MetricsRpc | undefined;
  /** The rows of Analytics Engine go here. */
  readonly analytics?: AnalyticsDataset | undefined;
  /** Replaces the Durable Objects of the tests. */
  readonly objects?: RepositoryNamespace | undefined;
  /** Replaces the bucket of the tests, which is used with `BLOB_STORE=r2`. */
  readonly bucket?: BlobBucket | undefined;
  /** Replaces the KV namespace of the tests; the store is then KV, unless the variables name another one. */
  readonly namespace?: DescriptorNamespace | undefined;
}

/** Requests of a test that begin at the same time are in one batch. */
const DELIVER_AFTER_MS = 20;

/**
 * Creates an isolate of the edge in front of the rigged origin, with the default store and a clock that tests advance.
 */
export function createEdge(variables: Record<string, string> = {}, options: EdgeOptions = {}): Edge {
  const clock = options.clock ?? createClock(Date.now());
  const log: string[] = [];
  const bindings = {
    DESCRIPTORS: options.namespace ?? env.DESCRIPTORS,
    REPOSITORIES: options.objects ?? env.REPOSITORIES,
    BLOBS: options.bucket ?? env.BLOBS,
  };
  const chosen = options.namespace && { BLOBDESCRIPTOR: 'kv' };
  const config = parseConfig(
    { ORIGIN_URL: inject('originUrl'), ...bindings, ...chosen, ...variables },
    BACKENDS,
    BYTE_BACKENDS,
  );
  const { isolate = createIsolate(config), alias } = options;
  const descriptions = alias === undefined ? config.upstreams : config.upstreams.map((one) => ({ ...one, alias }));
  const upstreams = createUpstreams(descriptions, (description) => {
    const made = createUpstream(config.backend, description, isolate);
    return options.upstream?.(made) ?? made;
  });
  // Tests may look at the upstreams before the first request.
  for (const known of upstreams.aliases) upstreams.named(known);
  const app = createApp({
    upstreams,
    log: createLogger('debug', (line) => log.push(line)),
    adminToken: config.adminToken,
    metricsToken: config.metricsToken,
    now: clock.now,
    ...(options.metrics && { metrics: () => options.metrics as MetricsRpc, deliverAfterMs: DELIVER_AFTER_MS }),
    analytics: options.analytics,
    ...(options.sink && { sink: options.sink }),
  });

  function send(path: string, init?: RequestInit) {
    const execution = createExecutionContext();
    const request = new Request(/^https?:/.test(path) ? path : `https://edge.test${path}`, fromClient(init));
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

/** Wraps a stream as a client's body would arrive: the runtime cannot pump a stream of its own into another one. */
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

/** Returns the status that an open mirror relays: it asks nobody to log in. */
export function mirrored(status: number): number {
  return status === 401 ? 403 : status;
}

/** Returns the value of `Cache-Status`, or null. */
export function cacheStatusOf(response: Response): string | null {
  return response.headers.get('cache-status');
}

/** Returns all headers but those that may differ between a cold and a warm answer. */
export function stableHeaders(response: Response): Record<string, string> {
  const headers = Object.fromEntries(response.headers);
  for (const name of ['date', 'cache-status', 'server-timing']) delete headers[name];
  return headers;
}

/** Reads a body as text, whatever its media type says. */
export async function textOf(response: Response): Promise<string> {
  return new TextDecoder().decode(await response.arrayBuffer());
}
