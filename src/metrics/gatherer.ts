import { delay, within } from '../async.ts';
import type { EdgeEvent, KeepAlive } from '../telemetry/events.ts';
import { countEvent } from './countEvent.ts';
import { type AnsweredRequest, countRequest } from './countRequest.ts';
import { type Batch, batchOf, Gathered } from './gathered.ts';
import type { MetricsRpc } from './rpc.ts';

/** Gathers what an isolate counts, and delivers it in batches. */
export interface Gatherer {
  /** Counts an event. @param upstream the alias of the one that it is about */
  event(upstream: string, event: EdgeEvent, keepAlive: KeepAlive): void;
  request(request: AnsweredRequest, keepAlive: KeepAlive): void;
}

export interface GathererOptions {
  /** Returns the object; every request needs a reference of its own. */
  readonly open: () => MetricsRpc;
  readonly now: () => number;
  /** From the first count of a batch to its delivery, in ms. */
  readonly deliverAfterMs?: number;
  /** Receives what went wrong. */
  readonly warn: (message: string) => void;
}

/** Work after a reply lives for 30 s, of which delivery needs some. */
const DELIVER_AFTER_MS = 10_000;
/** The object stores batches together, and therefore answers after a second. */
const ANSWER_MS = 10_000;
/** After this, a delivery has ended, or its isolate's request was ended with it: another one begins. */
const DELIVERY_LOST_MS = 15_000;
/** Of a batch that was sent, nobody knows whether it counts until the object says so: it cannot be added to. */
const MAX_UNANSWERED = 4;
/** The object remembers what it has for longer than this. */
const GIVE_UP_MS = 600_000;

/**
 * A batch's first count arms one delivery, so that an isolate sends at most one request in ten seconds, and none while
 * nothing happens. What could not be delivered is sent again with the next batch, and the object adds no batch twice.
 */
export function createGatherer({ open, now, warn, deliverAfterMs = DELIVER_AFTER_MS }: GathererOptions): Gatherer {
  let gathered = new Gathered();
  let unanswered: { readonly batch: Batch; readonly sealedAt: number }[] = [];
  let sequence = 0;
  let armedUntil = 0;
  /** A Worker has no randomness before its first request. */
  let isolate: string | undefined;

  function seal(): void {
    if (gathered.counts.isEmpty || unanswered.length >= MAX_UNANSWERED) return;
    sequence += 1;
    unanswered.push({ batch: batchOf(gathered, sequence), sealedAt: now() });
    gathered = new Gathered();
  }

  function giveUpOld(): void {
    const kept = unanswered.filter(({ sealedAt }) => now() - sealedAt < GIVE_UP_MS);
    if (kept.length < unanswered.length) gathered.counts.add('lost', '', unanswered.length - kept.length);
    unanswered = kept;
  }

  async function deliver(): Promise<void> {
    armedUntil = 0;
    giveUpOld();
    seal();
    if (unanswered.length === 0) return;
    isolate ??= crypto.randomUUID();
    const batches = unanswered.map(({ batch }) => batch);
    try {
      const added = await within(open().add(isolate, batches), ANSWER_MS, 0);
      unanswered = unanswered.filter(({ batch }) => batch.sequence > added);
      if (added === 0) warn('the counts were not confirmed in time: they are sent again');
    } catch {
      warn('the counts could not be delivered: they are sent again');
    }
  }

  function arm(nowMs: number, keepAlive: KeepAlive): void {
    if (nowMs < armedUntil) return;
    armedUntil = nowMs + deliverAfterMs + DELIVERY_LOST_MS;
    keepAlive(delay(deliverAfterMs).then(deliver));
  }

  return {
    event(upstream, event, keepAlive) {
      countEvent(gathered, upstream, event);
      // Some events count nothing. The next request notices a delivery that was lost.
      if (armedUntil === 0 && !gathered.counts.isEmpty) arm(now(), keepAlive);
    },
    request(request, keepAlive) {
      countRequest(gathered, request);
      arm(request.startedAt + request.ms, keepAlive);
    },
  };
}
