import { within } from '../../async.ts';
import { purgeTags } from '../../cache/purge.ts';
import type { RequestContext } from '../../context.ts';
import { waitForRoom } from '../../http/body/budget.ts';
import { type Body, readBody } from '../../http/body/readBody.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';
import { RegistryError } from '../../oci/errors.ts';
import { parseEnvelope } from '../../oci/notification.ts';
import { createRepositoryScan, type RepositoryScan } from '../../oci/repositoryScan.ts';
import { forgetInIsolate } from '../../upstream/forget.ts';
import { forgetChanges } from '../../upstream/forgetChanges.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { guard, orUnavailable } from './guard.ts';

/** Twice the largest manifest, since the event of a push repeats what the manifest names. */
const MAX_ENVELOPE_BYTES = 8 * 1024 * 1024;
/** A longer envelope is read up to here, so that the registry receives the answer. */
const MAX_SCANNED_BYTES = 64 * 1024 * 1024;
const MAX_SCANNED_REPOSITORIES = 100;
const ENVELOPE_WAIT_MS = 30_000;
/** The wait for room in the budget of bodies; registries wait 2 s or more for the answer. */
const ROOM_WAIT_MS = 1_500;
/** The room for an envelope that does not announce its length; an event has some hundred bytes. */
const ASSUMED_BYTES = 64 * 1024;

/**
 * Answers `POST /_edge/events` and `/_edge/events/<alias>`, the registry's webhook, guarded by the `EVENTS_TOKEN`. Events only remove: they prove
 * nothing, so one that comes late, twice, out of order or from somebody else costs a question to the origin and nothing
 * else. An unusable event is counted and is no error: a registry repeats a refused envelope forever, and sends nothing
 * after it.
 * @returns 204 when everything that changed is forgotten
 * @throws RegistryError as `guard`; REQUEST_INVALID: the body is not an envelope, which changes nothing; UNAVAILABLE:
 *   the store failed, or there is more to forget than one request may, and the registry must send the envelope again
 */
export async function eventsRoute(ctx: RequestContext, upstream: Upstream | undefined): Promise<Response> {
  await guard(ctx, upstream?.eventsToken, ['POST']);
  if (!upstream) throw new RegistryError('NAME_UNKNOWN');
  const body = await readEnvelope(ctx, upstream);
  if ('bytes' in body) await applyEvents(ctx, upstream, new TextDecoder().decode(body.bytes));
  else await forgetNamedRepositories(ctx, upstream, body.stream);
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } });
}

/** @throws RegistryError REQUEST_INVALID: it broke off; UNAVAILABLE: other bodies occupy the budget */
async function readEnvelope(ctx: RequestContext, { bodies }: Upstream): Promise<Body> {
  const busy = () => new RegistryError('UNAVAILABLE', { message: 'the edge is busy: send the envelope again later' });
  const announced = parseWholeNumber(ctx.request.headers.get('content-length')) ?? ASSUMED_BYTES;
  const room = await waitForRoom(bodies, ctx, announced > MAX_ENVELOPE_BYTES ? 0 : announced, ROOM_WAIT_MS);
  if (!room) throw busy();
  const reading = { room, maxBytes: MAX_ENVELOPE_BYTES, timeoutMs: ENVELOPE_WAIT_MS };
  const body = await readBody(ctx.request, reading).catch((cause: unknown) => {
    throw new RegistryError('REQUEST_INVALID', { message: 'the envelope broke off: send it again, whole', cause });
  });
  if ('bytes' in body || !body.lacksRoom) return body;
  await body.stream.cancel();
  throw busy();
}

async function applyEvents(ctx: RequestContext, upstream: Upstream, text: string): Promise<void> {
  const { changes, events, unusable, reasons } = parseEnvelope(text);
  ctx.emit({ kind: 'notified', events, changes: changes.length, unusable });
  if (unusable > 0) ctx.log.warn('events that could not be used', { unusable, events, why: [...reasons] });
  await orUnavailable(() => forgetChanges(ctx, upstream, changes));
}

/**
 * Forgets the lists and tags of every repository that an envelope names, without parsing it: it is too large. That
 * covers pushes, and only those are large. Entries that its deletes or moved tags would clear end with their windows.
 */
async function forgetNamedRepositories(
  ctx: RequestContext,
  upstream: Upstream,
  stream: ReadableStream<Uint8Array>,
): Promise<void> {
  const scan = createRepositoryScan(MAX_SCANNED_REPOSITORIES);
  const bytes = await scanStream(stream, scan);
  ctx.emit({ kind: 'notified-too-much', bytes, repositories: scan.found.size });
  ctx.log.warn('an envelope of events is too large: only tags and lists of the repositories it names are forgotten', {
    bytes,
    repositories: [...scan.found],
  });
  for (const name of scan.found) forgetInIsolate(upstream, name);
  await orUnavailable(() => purgeTags(ctx, upstream.tags, [...scan.found]));
}

/** Scans the stream up to `MAX_SCANNED_BYTES`. @returns how many bytes were read */
async function scanStream(stream: ReadableStream<Uint8Array>, scan: RepositoryScan): Promise<number> {
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
  // If the stream breaks off, its sender has left; the names that were read count all the same.
  await within(read(), ENVELOPE_WAIT_MS).catch(() => undefined);
  await reader.cancel().catch(() => undefined);
  return bytes;
}
