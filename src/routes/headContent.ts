import type { Access } from '../auth/authorizer.ts';
import type { Flight, Question } from '../cache/flights.ts';
import { isFresh } from '../cache/freshness.ts';
import type { LinkSet } from '../cache/provider.ts';
import { askThrough, type OriginAnswer, type ReadThroughOptions, readThrough } from '../cache/readThrough.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { BlobStat } from '../origin/origin.ts';
import type { Upstream } from '../upstream.ts';
import { authorize, learnAccess, mayTeach } from './access.ts';
import { headAnswer, relay } from './answer.ts';

/** A HEAD by digest. */
export interface ContentQuestion {
  readonly name: RepositoryName;
  readonly links: LinkSet;
  readonly digest: Digest;
  /** @throws RegistryError ORIGIN_UNREACHABLE */
  askOrigin(cancelled?: AbortSignal): Promise<BlobStat>;
}

type Granted = Extract<Access, { kind: 'granted' }>;

/**
 * HEAD of content by its digest, the main job (docs/request-handling.md tells it step by step).
 *
 * 1. What is known of the caller's access is decided; nothing is read from the cache before.
 * 2. A caller with a grant is answered from the cache, within the window that it may rely on; at once, where this
 *    isolate's memory knows. If the same question of the same caller was just answered, its write-back is waited for
 *    before the store is read.
 * 3. Else the origin answers, once for all who ask the same at the same time, and what it confirmed is written back
 *    after the reply.
 */
export function headContent(
  ctx: RequestContext,
  upstream: Upstream,
  asked: ContentQuestion,
): Response | Promise<Response> {
  const access = authorize(ctx, upstream, asked.name);
  if (access instanceof Promise) return access.then((decided) => answer(ctx, upstream, asked, decided));
  return answer(ctx, upstream, asked, access);
}

function answer(
  ctx: RequestContext,
  upstream: Upstream,
  asked: ContentQuestion,
  access: Access,
): Response | Promise<Response> {
  if (access.kind === 'refused') return access.answer;
  const granted = access.kind === 'granted' ? access : undefined;
  const known = granted && peek(ctx, upstream, asked, granted);
  if (!known) return readOrAsk(ctx, upstream, asked, granted);
  ctx.emit({ kind: 'hit' });
  return headAnswer(ctx, known.descriptor);
}

/** What this isolate's memory knows, if this caller may rely on it. */
function peek(
  ctx: RequestContext,
  { shared, descriptors, ttls }: Upstream,
  { name, links, digest }: ContentQuestion,
  { mayPush }: Granted,
): Entry | undefined {
  const known = (mayPush ? shared : descriptors).peek?.(ctx, name, links, digest);
  const windowMs = mayPush ? ttls.pushExistenceMs : ttls.descriptorMs;
  return known && isFresh(known, ctx.now(), windowMs) ? known : undefined;
}

async function readOrAsk(
  ctx: RequestContext,
  upstream: Upstream,
  asked: ContentQuestion,
  granted: Granted | undefined,
): Promise<Response> {
  const { ttls, shared, descriptors, flights } = upstream;
  const { name, links, digest } = asked;
  const question = questionOf(ctx, upstream, asked);
  if (question) await flights.landing(question);

  const isGranted = granted !== undefined;
  const mayPush = granted?.mayPush ?? true;
  let flight: Flight | undefined;
  const options: ReadThroughOptions = {
    reader: (mayPush ? shared : descriptors).repositoryScoped(name, links),
    writer: descriptors.repositoryScoped(name, links),
    ttls,
    mayPush,
    cacheTimeoutMs: upstream.cacheTimeoutMs,
    async ask(cancelled) {
      flight = question && flights.lead(question);
      const led = flight ? undefined : question && (await flights.follow(question));
      if (!led) return askOrigin(ctx, upstream, asked, { isGranted, flight, cancelled });
      ctx.emit({ kind: 'collapsed' });
      return { kind: 'found', entry: led, confirmed: false };
    },
  };

  const asks = mustAsk(ctx, isGranted, mayPush ? ttls.pushExistenceMs : ttls.descriptorMs);
  const work = asks ? askThrough(ctx, digest, options) : readThrough(ctx, digest, options);
  // Held until the write-back is over, also when the client leaves: others may be waiting for it.
  const over = work.then(({ stored }) => stored).catch(() => undefined);
  ctx.waitUntil(over.finally(() => flight?.landed()));

  const { answer } = await work;
  return answer.kind === 'found' ? headAnswer(ctx, answer.entry.descriptor) : relay(ctx, answer.response);
}

/** What makes two questions one; `undefined` where nobody may join. */
function questionOf(ctx: RequestContext, { ttls }: Upstream, asked: ContentQuestion): Question | undefined {
  const caller = ttls.pushExistenceMs > 0 ? ctx.caller : undefined;
  return caller === undefined ? undefined : { name: asked.name, rest: `${asked.links} ${asked.digest} ${caller}` };
}

/** Whether the cache may not answer: access is not proven, or nothing in it can be fresh enough. Tells why. */
function mustAsk(ctx: RequestContext, isGranted: boolean, windowMs: number): boolean {
  if (!isGranted) ctx.emit({ kind: 'forward', reason: 'miss', detail: 'unproven' });
  else if (windowMs === 0) ctx.emit({ kind: 'forward', reason: 'bypass' });
  else return false;
  return true;
}

interface Asking {
  readonly isGranted: boolean;
  readonly flight: Flight | undefined;
  readonly cancelled: AbortSignal | undefined;
}

/**
 * Asks the origin for this caller. What a redirect's target told is confirmed only for a caller with a grant: the target
 * knows nothing of the repository, and an origin may redirect strangers to a page for signing in. What was asked with
 * another identity beside the `Authorization` confirms nothing.
 */
async function askOrigin(
  ctx: RequestContext,
  upstream: Upstream,
  asked: ContentQuestion,
  { isGranted, flight, cancelled }: Asking,
): Promise<OriginAnswer> {
  let shared: Entry | undefined;
  try {
    const { response, found } = await asked.askOrigin(cancelled);
    learnAccess(ctx, upstream, asked.name, response);
    if (!found) return { kind: 'relay', response };
    const { entry, firstHand, direct } = found;
    const confirmed = firstHand && (direct || isGranted) && mayTeach(ctx, upstream);
    if (confirmed) shared = entry;
    return { kind: 'found', entry, confirmed };
  } finally {
    flight?.answered(shared);
  }
}
