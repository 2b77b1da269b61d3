import { readBody } from '../body/read.ts';
import { allDone } from '../cache/allDone.ts';
import { clear } from '../cache/clear.ts';
import { inTurn } from '../cache/inTurn.ts';
import { purgeDescriptors } from '../cache/purge.ts';
import type { RequestContext } from '../context.ts';
import { type Change, parseEnvelope } from '../oci/envelope.ts';
import { RegistryError } from '../oci/errors.ts';
import type { Upstream } from '../upstream.ts';
import { bothIn } from './linked.ts';
import { guard, orUnavailable } from './operators.ts';

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
export async function notifications(
  ctx: RequestContext,
  upstream: Upstream,
  eventsToken: string | undefined,
): Promise<Response> {
  await guard(ctx, eventsToken, ['POST']);
  const changes = parseEnvelope(await readEnvelope(ctx));
  await orUnavailable(() => inTurn(changes, (change) => forget(ctx, upstream, change)));
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

async function forget(ctx: RequestContext, upstream: Upstream, change: Change): Promise<void> {
  const { descriptors, tags, lists, flights } = upstream;
  const { kind, name } = change;
  flights.close(name);
  lists.drop(name);
  switch (kind) {
    case 'manifest pushed':
      if (change.tag !== undefined) await tags.drop(ctx, name, [change.tag]);
      return;
    case 'tag deleted':
      return tags.drop(ctx, name, [change.tag]);
    case 'content deleted':
      return allDone(bothIn(upstream, name).map((scope) => clear(ctx, change.digest, scope)));
    case 'repository deleted':
      return purgeDescriptors(ctx, descriptors, name);
  }
}
