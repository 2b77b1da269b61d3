import { callerOf } from '../auth/identity.ts';
import { askThrough, type OriginAnswer, type ReadThroughOptions, readThrough } from '../cache/readThrough.ts';
import type { RequestContext } from '../context.ts';
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
 * 1. An identical question of this isolate that is under way is waited for: its answer will stand in the store.
 * 2. What is known of the caller's access is decided; nothing is read from the cache before.
 * 3. A caller with a grant is answered from the cache, within the window that it may rely on.
 * 4. Else the origin answers, and what it confirmed is written back after the reply.
 */
export async function headBlob(ctx: RequestContext, upstream: Upstream, route: BlobRoute): Promise<Response> {
  const { name, digest } = route;
  const question = questionOf(ctx, upstream, route);
  if (question) await upstream.flights.follow(question);

  const access = await authorize(ctx, upstream, name);
  if (access.kind === 'refused') return access.answer;
  const mayPush = access.kind === 'unproven' || access.mayPush;
  let land = () => {};
  const options: ReadThroughOptions = {
    reader: (mayPush ? upstream.shared : upstream.descriptors).repositoryScoped(name, 'blobs'),
    writer: upstream.descriptors.repositoryScoped(name, 'blobs'),
    windows: upstream.windows,
    mayPush,
    cacheTimeoutMs: upstream.cacheTimeoutMs,
    ask(cancelled) {
      if (question) land = upstream.flights.open(question);
      return askOrigin(ctx, upstream, route, cancelled);
    },
  };

  const asks = mustAsk(ctx, access.kind, mayPush ? upstream.windows.pushExistenceMs : upstream.windows.descriptorMs);
  const work = asks ? askThrough(ctx, digest, options) : readThrough(ctx, digest, options);
  // Held until the write-back is over, also when the client leaves: others may be waiting for it.
  const over = work.then(({ stored }) => stored);
  ctx.waitUntil(over.catch(() => undefined).finally(() => land()));

  const { answer } = await work;
  return answer.kind === 'found' ? describe(ctx, answer.entry.descriptor) : relay(ctx, answer.response);
}

/** What makes two questions one; `undefined` where nobody may join. */
function questionOf(ctx: RequestContext, { windows }: Upstream, { name, digest }: BlobRoute): string | undefined {
  const caller = windows.pushExistenceMs > 0 ? callerOf(ctx.request) : undefined;
  return caller === undefined ? undefined : `${name} ${digest} ${caller}`;
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
  cancelled?: AbortSignal,
): Promise<OriginAnswer> {
  const { response, entry, confirmed } = await upstream.origin.statBlob(ctx, name, digest, cancelled);
  learnAccess(ctx, upstream, name, response);
  return entry ? { kind: 'found', entry, confirmed } : { kind: 'relay', response };
}
