import type { Access } from '../access/authorizer.ts';
import { identityHeaderOf } from '../access/caller.ts';
import { within } from '../async.ts';
import { isFresh, retentionMs } from '../cache/freshness.ts';
import { askThrough, type ReadThroughAnswer } from '../cache/learn.ts';
import { readThrough } from '../cache/readThrough.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { ForwardDetail } from '../telemetry/events.ts';
import type { CallerHeaders } from './callerHeaders.ts';
import { type Ask, throughFlight } from './collapse.ts';
import { recordAbsence } from './evictAbsences.ts';
import {
  flightQuestion,
  hasUncommonAccept,
  isAccepted,
  itemOf,
  type Question,
  storedItemOf,
  type Windows,
  windowsOf,
} from './question.ts';
import type { Repository } from './repository.ts';

/** What a read came to: an entry to answer with, or the origin's response to be relayed. */
export type Outcome<E extends Entry> =
  | { readonly kind: 'found'; readonly entry: E; readonly callerHeaders?: CallerHeaders }
  | { readonly kind: 'relay'; readonly response: Response };

/**
 * Answers a HEAD or GET of content: the edge's main job. docs/request-handling.md describes it step by step.
 *
 * 1. The caller's right to this kind of answer is decided. Nothing is read from the cache before that.
 * 2. A caller with a grant is answered from the cache, if the entry is within the window that holds for this caller; at
 *    once, if this isolate's memory has it. If the same question of the same caller has just been answered, its
 *    write-back is waited for before the store is read.
 * 3. Otherwise the origin answers, once for all callers who ask the same at the same time. What it confirmed is written
 *    back after the reply.
 * @throws RegistryError ORIGIN_UNREACHABLE; DENIED: the caller may not have this kind of answer here
 */
export function readContent<E extends Entry>(
  repository: Repository,
  question: Question<E>,
): Outcome<E> | Promise<Outcome<E>> {
  const access = repository.authorize(question.kind.answers);
  if (access instanceof Promise) return access.then((decided) => readWith(repository, question, decided));
  return readWith(repository, question, access);
}

function readWith<E extends Entry>(
  repository: Repository,
  question: Question<E>,
  access: Access,
): Outcome<E> | Promise<Outcome<E>> {
  if (access.kind === 'refused') throw access.error;
  const windows = windowsOf(repository, question);
  const entry = repository.isGranted ? peek(repository, question, windows) : undefined;
  if (!entry) return readOrAsk(repository, question, windows);
  repository.ctx.emit({ kind: 'hit' });
  return { kind: 'found', entry };
}

/** Returns the entry in this isolate's memory, if it may answer. */
function peek<E extends Entry>(repository: Repository, question: Question<E>, { windowMs }: Windows): E | undefined {
  const { kind, reference } = question;
  const entry = reference.kind === 'digest' ? kind.peek(repository, reference.text) : undefined;
  const isUsable =
    entry &&
    isFresh(entry, repository.ctx.now(), windowMs) &&
    isAccepted(question, entry) &&
    kind.isWitnessed(repository, entry);
  return isUsable ? entry : undefined;
}

async function readOrAsk<E extends Entry>(
  repository: Repository,
  question: Question<E>,
  windows: Windows,
): Promise<Outcome<E>> {
  const read = mustAsk(repository, windows) ? askAlways : readCache;
  const { answer } = await throughFlight(repository, question, (ask) =>
    read(repository, question, { ...windows, ask }),
  );
  return answer;
}

/** Whether the cache may not answer: access is unproven, or no entry could be young enough. Emits the reason. */
function mustAsk({ ctx, isGranted }: Repository, { windowMs, staleMs }: Windows): boolean {
  if (!isGranted) ctx.emit({ kind: 'forward', reason: 'miss', detail: whyUnproven(ctx) });
  else if (windowMs + staleMs === 0) ctx.emit({ kind: 'forward', reason: 'bypass' });
  else return false;
  return true;
}

/** Why the caller has no proof: it has none yet, or a header besides its `Authorization` may say who calls. */
function whyUnproven({ caller, request, log }: RequestContext): ForwardDetail {
  if (caller !== undefined) return 'unproven';
  log.debug('unproven: another header than Authorization may say who calls', { header: identityHeaderOf(request) });
  return 'identity';
}

interface ReadOptions<E extends Entry> extends Windows {
  readonly ask: Ask<E>;
}

async function askAlways<E extends Entry>(
  repository: Repository,
  question: Question<E>,
  { ask }: ReadOptions<E>,
): Promise<ReadThroughAnswer<E>> {
  const { ctx, upstream, isGranted } = repository;
  // An entry that no request could ever use is not stored.
  const storedItem = (entry: E) =>
    retentionMs(upstream.ttls) > 0 ? storedItemOf(repository, question, entry) : undefined;
  const sentAt = ctx.now();
  const result = await askThrough(ctx, storedItem, () => ask(undefined));
  const isAbsent = result.answer.kind === 'relay' && result.answer.response.status === 404;
  const { kind, reference } = question;
  if (isAbsent && reference.kind === 'digest' && !isGranted) {
    await recordAbsence(repository, kind.links, { digest: reference.text, sentAt });
  }
  return result;
}

async function readCache<E extends Entry>(
  repository: Repository,
  question: Question<E>,
  { windowMs, revalidateMs, staleMs, ask }: ReadOptions<E>,
): Promise<ReadThroughAnswer<E>> {
  const { ctx, upstream, mayPush } = repository;
  const { askedAs, keepsDeleted, cacheTimeoutMs, flights, retryAfter, pulls } = upstream;
  const { standsIn } = question.kind;
  const flight = flightQuestion(repository, question);
  const landing = flight && flights.landing(flight);
  if (landing) await within(landing, cacheTimeoutMs);
  return readThrough(ctx, itemOf(repository, question), {
    ...{ windowMs, revalidateMs, staleMs, mayPush, askedAs, keepsDeleted, cacheTimeoutMs, ask },
    standsIn: standsIn && (() => standsIn(repository, question.reference)),
    accepts: (entry) => isAccepted(question, entry),
    isWitnessed: (entry) => question.kind.isWitnessed(repository, entry),
    retryAt: staleMs > 0 ? Math.max(retryAfter.until(ctx), pulls?.limitedUntil ?? 0) : 0,
    isProvocable: askedAs === 'nobody' && hasUncommonAccept(question),
  });
}
