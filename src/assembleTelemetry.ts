import { describeRequest } from './answered.ts';
import type { RequestContext } from './context.ts';
import { type AnalyticsDataset, writeRequest } from './metrics/analytics.ts';
import { createClientKinds } from './metrics/client.ts';
import { entryOf } from './metrics/counts.ts';
import { createGatherer } from './metrics/gatherer.ts';
import type { MetricsRpc } from './metrics/rpc.ts';
import type { Route } from './oci/route.ts';
import type { EventSink, KeepAlive } from './telemetry/events.ts';
import { cacheStatus } from './telemetry/headers.ts';
import { decisionFields, errorName, type Logger, timeFields, traceFields, withFields } from './telemetry/log.ts';
import type { Upstream } from './upstream/upstream.ts';

export interface TelemetryOptions {
  readonly log: Logger;
  /** Receives the debug lines of a share of the requests. */
  readonly debug?: { readonly log: Logger; readonly share: number } | undefined;
  readonly now: () => number;
  /** Receives the events of all requests; without it, they go to the log at debug level. */
  readonly sink?: EventSink | undefined;
  /** Returns the object that gathers the counts of all isolates. */
  readonly metrics?: (() => MetricsRpc) | undefined;
  /** From the first count of a batch to its delivery, in ms. */
  readonly deliverAfterMs?: number | undefined;
  readonly analytics?: AnalyticsDataset | undefined;
}

/** The log and the sink of one request. */
export interface Voice {
  readonly log: Logger;
  readonly sink: EventSink;
}

/** A request that ends. */
export interface Ending {
  readonly ctx: RequestContext;
  readonly route: Route | undefined;
  readonly upstream: Upstream | undefined;
  readonly keepAlive: KeepAlive;
}

/** What is told of requests: lines of the log, counts, rows of Analytics Engine. */
export interface Telemetry {
  /** Begins a request. @param alias of its upstream, which no line or count of another one is mistaken for */
  voiceOf(alias: string): Voice;
  /** Tells of a request that is answered. */
  end(ending: Ending, response: Response): void;
}

export function createTelemetry({
  log,
  debug,
  now,
  sink,
  metrics,
  analytics,
  ...options
}: TelemetryOptions): Telemetry {
  const voices = new Map<string, Voice>();
  const debugVoices = new Map<string, Voice>();
  const kindOf = createClientKinds();
  const gatherer =
    metrics &&
    createGatherer({
      ...{ open: metrics, now, warn: log.warn },
      ...(options.deliverAfterMs !== undefined && { deliverAfterMs: options.deliverAfterMs }),
    });

  function createVoice(alias: string, edge: Logger): Voice {
    const own = alias === '' ? edge : withFields(edge, { upstream: alias });
    const told: EventSink = sink ?? ((event) => own.debug('event', event));
    if (!gatherer) return { log: own, sink: told };
    const counted: EventSink = (event, keepAlive) => {
      told(event, keepAlive);
      gatherer.event(alias, event, keepAlive);
    };
    return { log: own, sink: counted };
  }

  function voiceIn(known: Map<string, Voice>, alias: string, edge: Logger): Voice {
    return known.get(alias) ?? entryOf(known, alias, () => createVoice(alias, edge));
  }

  return {
    voiceOf(alias) {
      const isSampled = debug !== undefined && debug.share > 0 && Math.random() < debug.share;
      return isSampled ? voiceIn(debugVoices, alias, debug.log) : voiceIn(voices, alias, log);
    },
    end({ ctx, route, upstream, keepAlive }, response) {
      const answeredAt = ctx.now();
      logRequest(ctx, response, answeredAt);
      if (!gatherer && !analytics) return;
      // Nobody's request fails because it cannot be counted.
      try {
        const namesClient = analytics !== undefined || ctx.method !== 'HEAD';
        const request = describeRequest({ ctx, response, route, upstream, answeredAt, namesClient, kindOf });
        gatherer?.request(request, keepAlive);
        if (analytics) writeRequest(analytics, request);
      } catch (error) {
        ctx.log.warn('a request could not be counted', { error: errorName(error) });
      }
    },
  };
}

/** Logs one line per request, without the query, which may hold an upload's state or a signature. */
function logRequest(ctx: RequestContext, response: Response, answeredAt: number): void {
  ctx.log.info('request', () => ({
    method: ctx.method,
    path: ctx.target.path,
    status: response.status,
    cache: cacheStatus(ctx.events),
    ...decisionFields(ctx.events),
    ms: answeredAt - ctx.startedAt,
    ...timeFields(ctx.events),
    ...traceFields(ctx.trace),
  }));
}
