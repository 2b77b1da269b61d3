import { within } from '../../async.ts';
import { purgeTags } from '../../cache/purge.ts';
import type { RequestContext } from '../../context.ts';
import { roomWithin } from '../../http/body/budget.ts';
import { type Body, readBody } from '../../http/body/readBody.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';
import { RegistryError } from '../../oci/errors.ts';
import { parseEnvelope } from '../../oci/notification.ts';
import { createRepositoryScan, type RepositoryScan } from '../../oci/repositoryScan.ts';
import { forgetChanges } from '../../upstream/forgetChanges.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { guard, orUnavailable } from './guard.ts';

/** Twice the largest manifest: an event of one that names very much repeats what it names. */
const MAX_ENVELOPE_BYTES = 8 * 1024 * 1024;
/** What is longer than that is read so far, so that the registry gets to hear the answer. */
const MAX_SCANNED_BYTES = 64 * 1024 * 1024;
const MAX_SCANNED_REPOSITORIES = 100;
const ENVELOPE_WAIT_MS = 30_000;
/** Until others have given back room for it; registries wait 2 s or more for the answer. */
const ROOM_WAIT_MS = 1_500;
/** For an envelope that does not announce its length; an event is some hundred bytes. */
const SOME_BYTES = 64 * 1024;

/**
 * `POST /_edge/events`: the registry's webhook tells what changed there. Guarded by `EVENTS_TOKEN` as a bearer token.
 * Events only remove: they are no proof of anything, so one that comes late, twice, out of order or from somebody else
 * costs a question to the origin, and nothing else. What nothing can be held of is counted and no error: a registry sends
 * what is refused for ever, and nothing after it.
 * @returns 204 when all that could be taken is forgotten
 * @throws RegistryError as `guard`; REQUEST_INVALID: no envelope, which changes nothing; UNAVAILABLE: the store failed,
 *   or there is more to forget than one request may, and the registry sends it again
 */
export async function eventsRoute(
  ctx: RequestContext,
  upstream: Upstream,
  eventsToken: string | undefined,
): Promise<Response> {
  await guard(ctx, eventsToken, ['POST']);
  const body = await readEnvelope(ctx, upstream);
  if ('bytes' in body) await applyEvents(ctx, upstream, new TextDecoder().decode(body.bytes));
  else await applyNames(ctx, upstream, body.stream);
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } });
}

/** @throws RegistryError REQUEST_INVALID: it broke off; UNAVAILABLE: too much else is on its way */
async function readEnvelope(ctx: RequestContext, { bodies }: Upstream): Promise<Body> {
  const busy = () => new RegistryError('UNAVAILABLE', { message: 'the edge is busy; send the envelope again' });
  const announced = parseWholeNumber(ctx.request.headers.get('content-length')) ?? SOME_BYTES;
  const room = await roomWithin(bodies, ctx, announced > MAX_ENVELOPE_BYTES ? 0 : announced, ROOM_WAIT_MS);
  if (!room) throw busy();
  const reading = { room, maxBytes: MAX_ENVELOPE_BYTES, timeoutMs: ENVELOPE_WAIT_MS };
  const body = await readBody(ctx.request, reading).catch((cause: unknown) => {
    throw new RegistryError('REQUEST_INVALID', { message: 'the envelope broke off', cause });
  });
  if ('bytes' in body || !body.lacksRoom) return body;
  await body.stream.cancel();
  throw busy();
}

async function applyEvents(ctx: RequestContext, upstream: Upstream, text: string): Promise<void> {
  const { changes, events, unusable, why } = parseEnvelope(text);
  ctx.emit({ kind: 'notified', events, changes: changes.length, unusable });
  if (unusable > 0) ctx.log.warn('events that could not be used', { unusable, events, why: [...why] });
  await orUnavailable(() => forgetChanges(ctx, upstream, changes));
}

/**
 * Of an envelope that is too large to be parsed only the names of its repositories are taken. Their lists and tags are
 * forgotten, which is what a push changes; only pushes are large. What is deleted in it ends with its window, and so does
 * what its tags led to.
 */
async function applyNames(ctx: RequestContext, upstream: Upstream, stream: ReadableStream<Uint8Array>): Promise<void> {
  const scan = createRepositoryScan(MAX_SCANNED_REPOSITORIES);
  const bytes = await scanned(stream, scan);
  ctx.emit({ kind: 'notified-too-much', bytes, repositories: scan.found.size });
  ctx.log.warn('an envelope of events is too large: only tags and lists of the repositories it names are forgotten', {
    bytes,
    repositories: [...scan.found],
  });
  for (const name of scan.found) {
    upstream.flights.close(name);
    upstream.lists.drop(name);
  }
  await orUnavailable(() => purgeTags(ctx, upstream.tags, [...scan.found]));
}

/** @returns how many bytes were read, until the end or what is enough of it */
async function scanned(stream: ReadableStream<Uint8Array>, scan: RepositoryScan): Promise<number> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let bytes = 0;
  async function read(): Promise<void> {
    while (bytes < MAX_SCANNED_BYTES) {
      const { done, value } = await reader.read();
      if (done) return;
      bytes += value.length;
      scan.read(decoder.decode(value, { stream: true }));
    }
  }
  // Where it breaks off its sender is gone; what came of it counts all the same.
  await within(read(), ENVELOPE_WAIT_MS).catch(() => undefined);
  await reader.cancel().catch(() => undefined);
  return bytes;
}
