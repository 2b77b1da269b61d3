import { readBody } from '../body.ts';
import { clear } from '../cache/clear.ts';
import { LINK_SETS } from '../cache/provider.ts';
import { purge } from '../cache/purge.ts';
import type { RequestContext } from '../context.ts';
import { type Change, parseEnvelope } from '../oci/envelope.ts';
import { RegistryError } from '../oci/errors.ts';
import type { Upstream } from '../upstream.ts';
import { guard, orUnavailable } from './operators.ts';

/** Who may tell of an upstream, and of which. */
export interface Receiver {
  readonly upstream: Upstream;
  /** `EVENTS_TOKEN`; without it nobody may. */
  readonly token: string | undefined;
}

/** An event is some hundred bytes. */
const MAX_ENVELOPE_BYTES = 1024 * 1024;
const ENVELOPE_WAIT_MS = 10_000;

/**
 * `POST /_edge/events`: the registry's webhook tells what changed there. Guarded by `EVENTS_TOKEN` as a bearer token.
 * Events only remove: they are no proof of anything, so one that comes late, twice, out of order or from somebody else
 * costs a question to the origin, and nothing else.
 * @returns 204 when all of it is forgotten
 * @throws RegistryError as `guard`; REQUEST_INVALID, NAME_INVALID, DIGEST_INVALID: a malformed envelope, which changes
 *   nothing; UNAVAILABLE: the store failed, and the registry sends it again
 */
export async function notifications(ctx: RequestContext, receiver: Receiver | undefined): Promise<Response> {
  await guard(ctx, receiver?.token, ['POST']);
  const changes = parseEnvelope(await readEnvelope(ctx));
  if (receiver) await orUnavailable(() => forgetAll(ctx, receiver.upstream, changes));
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } });
}

async function readEnvelope({ request }: RequestContext): Promise<string> {
  const body = await readBody(request, MAX_ENVELOPE_BYTES, ENVELOPE_WAIT_MS).catch((cause: unknown) => {
    throw new RegistryError('REQUEST_INVALID', { message: 'the envelope broke off', cause });
  });
  if ('bytes' in body) return new TextDecoder().decode(body.bytes);
  await body.stream.cancel();
  throw new RegistryError('REQUEST_INVALID', {
    message: `expected an envelope of at most ${MAX_ENVELOPE_BYTES} bytes`,
  });
}

async function forgetAll(ctx: RequestContext, upstream: Upstream, changes: readonly Change[]): Promise<void> {
  for (const change of changes) {
    upstream.flights.close(change.name);
    upstream.lists.drop(change.name);
    await forget(ctx, upstream, change);
  }
}

async function forget(ctx: RequestContext, { descriptors, tags }: Upstream, change: Change): Promise<void> {
  const { kind, name } = change;
  switch (kind) {
    case 'manifest pushed':
      if (change.tag !== undefined) await tags.drop(ctx, name, [change.tag]);
      return;
    case 'tag deleted':
      return tags.drop(ctx, name, [change.tag]);
    case 'content deleted': {
      const scopes = LINK_SETS.map((links) => descriptors.repositoryScoped(name, links));
      await Promise.all(scopes.map((scope) => clear(ctx, change.digest, scope)));
      return;
    }
    case 'repository deleted': {
      const { cursor } = await purge(ctx, { descriptors, tags }, name);
      // Told again, it goes on with what is left.
      if (cursor !== undefined)
        throw new RegistryError('UNAVAILABLE', { message: 'there is more to forget; send it again' });
    }
  }
}
