import type { RequestContext } from '../context.ts';
import { type Reading, readBody } from '../http/body/readBody.ts';
import { trackedBody } from '../http/body/trackedBody.ts';
import type { ContentEntry, Entry } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { isContentOf } from '../oci/hash.ts';
import type { Reference } from '../oci/reference.ts';
import { entryOf, isFirstHand } from './confirmation.ts';
import type { ContentStat, OriginResponse } from './origin.ts';

/** Distribution-spec, "Pushing Manifests": registries accept no larger ones. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

type Send = () => Promise<OriginResponse>;

/** Asks for a manifest's descriptor with a HEAD. */
export async function statManifest(send: Send, reference: Reference): Promise<ContentStat> {
  const { response, sentAt } = await send();
  const method = 'HEAD';
  const entry = manifestEntryOf(response, reference, sentAt);
  if (!entry) return { response, method };
  return {
    response,
    method,
    found: { entry: { ...entry, witness: method }, isFirstHand: isFirstHand(response), isDirect: true },
  };
}

/**
 * Asks for a manifest with its content, and verifies the content against all its digests. Content that fails this, is
 * too large to be held, or finds no room, is relayed as the origin sent it.
 * @param reading the room for the content, and how long it may take after the headers
 */
export async function getManifest(
  ctx: RequestContext,
  send: Send,
  reference: Reference,
  reading: Omit<Reading, 'maxBytes'>,
): Promise<ContentStat<ContentEntry>> {
  const { response, sentAt } = await send();
  const method = 'GET';
  const entry = manifestEntryOf(response, reference, sentAt);
  if (!entry || entry.descriptor.size > MAX_MANIFEST_BYTES) return { response, method };
  const body = await readBody(response, { ...reading, maxBytes: MAX_MANIFEST_BYTES });
  const { status, headers } = response;
  if (!('bytes' in body)) return { response: new Response(body.stream, { status, headers }), method };
  const content = body.bytes;
  const digests: Digest[] =
    reference.kind === 'digest' ? [reference.text, entry.descriptor.digest] : [entry.descriptor.digest];
  const verified = await Promise.all([...new Set(digests)].map((digest) => isContentOf(digest, content)));
  if (content.length !== entry.descriptor.size || !verified.every(Boolean)) {
    return { response: new Response(trackedBody(ctx, content), { status, headers }), method };
  }
  return {
    response,
    method,
    found: { entry: { ...entry, witness: method, content }, isFirstHand: isFirstHand(response), isDirect: true },
  };
}

/** Reads the entry that a 200 confirms. @returns `undefined` where digest, size or media type are not certain */
function manifestEntryOf(response: Response, reference: Reference, sentAt: number): Entry | undefined {
  const named = response.headers.get('docker-content-digest') ?? '';
  const digest = reference.kind === 'digest' ? reference.text : named;
  return isDigest(digest) && response.headers.has('content-type') ? entryOf(response, digest, sentAt) : undefined;
}
