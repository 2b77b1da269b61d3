import type { Access } from '../auth/authorizer.ts';
import { callerOf } from '../auth/identity.ts';
import type { Flight, Question } from '../cache/flights.ts';
import { askThrough, type OriginAnswer, type ReadThroughOptions, readThrough } from '../cache/readThrough.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Upstream } from '../upstream.ts';
import { authorize, learnAccess } from './access.ts';
import { describe, relay } from './answer.ts';

export interface BlobRoute {
  readonly name: RepositoryName;
  readonly digest: Digest;
}

/**
 * `HEAD /v2/<name>/blobs/<digest>`, the main job (docs/request-handling.md tells it step by step).
 *
 * 1. What is known of the caller's access is decided; nothing is read from the cache before.
 * 2. A caller with a grant is answered from the cache, within the window that it may rely on.
 * 3. Else the origin answers, and what it confirmed is written back after the reply. If the same is being asked for the
 *    same caller already, its answer is this one's too; if it is on its way into the store, all begins anew after that.
 */
export async function headBlob(ctx: RequestContext, upstream: Upstream, route: BlobRoute): Promise<Response> {
  const question = questionOf(ctx, upstream, route);
  const answer = await statBlob(ctx, upstream, route, question);
  const settled = answer.kind === 'landed' ? await statBlob(ctx, upstream, route) : answer;
  switch (settled.kind) {
    case 'found':
      return describe(ctx, settled.entry.descriptor);
    case 'relay':
      return relay(ctx, settled.response);
    case 'refused':
      return settled.answer;
    case 'landed':
      throw new TypeError('a question that nobody joins lands nowhere');
  }
}

type BlobAnswer = OriginAnswer | Extract<Access, { kind: 'refused' }>;

/** @param question what others may join, or be asking already; absent: the origin is asked for this caller alone */
async function statBlob(
  ctx: RequestContext,
  upstream: Upstream,
  route: BlobRoute,
  question?: Question,
): Promise<BlobAnswer> {
  const { name, digest } = route;
  const access = await authorize(ctx, upstream, name);
  if (access.kind === 'refused') return access;
  const mayPush = access.kind === 'unproven' || access.mayPush;
  let flight: Flight | undefined;
  const options: ReadThroughOptions = {
    reader: (mayPush ? upstream.shared : upstream.descriptors).repositoryScoped(name, 'blobs'),
    writer: upstream.descriptors.repositoryScoped(name, 'blobs'),
    windows: upstream.windows,
    mayPush,
    cacheTimeoutMs: upstream.cacheTimeoutMs,
    async ask(cancelled) {
      flight = question && upstream.flights.open(question);
      if (flight || !question) return askOrigin(ctx, upstream, route, { flight, cancelled });
      const shared = await upstream.flights.join(question);
      if (shared === 'landed') return { kind: 'landed' };
      if (!shared) return askOrigin(ctx, upstream, route, { cancelled });
      ctx.emit({ kind: 'collapsed' });
      return { kind: 'found', entry: shared, confirmed: false };
    },
  };

  const asks = mustAsk(ctx, access.kind, mayPush ? upstream.windows.pushExistenceMs : upstream.windows.descriptorMs);
  const work = asks ? askThrough(ctx, digest, options) : readThrough(ctx, digest, options);
  // Held until the write-back is over, also when the client leaves: others may be waiting for it.
  const over = work.then(({ stored }) => stored).catch(() => undefined);
  ctx.waitUntil(over.finally(() => flight?.landed()));
  return (await work).answer;
}

/** What makes two questions one; `undefined` where nobody may join. */
function questionOf(ctx: RequestContext, { windows }: Upstream, { name, digest }: BlobRoute): Question | undefined {
  const caller = windows.pushExistenceMs > 0 ? callerOf(ctx.request) : undefined;
  return caller === undefined ? undefined : { name, rest: `${digest} ${caller}` };
}

/** Whether the cache may not answer: access is not proven, or nothing in it can be fresh enough. Tells why. */
function mustAsk(ctx: RequestContext, access: 'granted' | 'unproven', windowMs: number): boolean {
  if (access === 'unproven') ctx.emit({ kind: 'forward', reason: 'miss', detail: 'unproven' });
  else if (windowMs === 0) ctx.emit({ kind: 'forward', reason: 'bypass' });
  else return false;
  return true;
}

async function askOrigin(
  ctx: RequestContext,
  upstream: Upstream,
  { name, digest }: BlobRoute,
  { flight, cancelled }: { flight?: Flight | undefined; cancelled?: AbortSignal | undefined },
): Promise<OriginAnswer> {
  let shared: Entry | undefined;
  try {
    const { response, entry, confirmed } = await upstream.origin.statBlob(ctx, name, digest, cancelled);
    learnAccess(ctx, upstream, name, response);
    if (confirmed) shared = entry;
    return entry ? { kind: 'found', entry, confirmed } : { kind: 'relay', response };
  } finally {
    flight?.answered(shared);
  }
}
