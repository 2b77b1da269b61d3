import type { RequestContext } from '../context.ts';
import { type Reading, readBody } from '../http/body/readBody.ts';
import { trackedBody } from '../http/body/trackedBody.ts';
import type { ContentEntry, Entry } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { isContentOf } from '../oci/hash.ts';
import type { Reference } from '../oci/reference.ts';
import { entryOf, isFirstHand } from './confirmation.ts';
import type { ContentStat, OriginResponse } from './origin.ts';

/** Distribution-spec, "Pushing Manifests": registries take no larger ones. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

type Send = () => Promise<OriginResponse>;

/** A manifest's descriptor, as the answer to a HEAD tells it. */
export async function statManifest(send: Send, reference: Reference): Promise<ContentStat> {
  const { response, sentAt } = await send();
  const method = 'HEAD';
  const told = manifestEntryOf(response, reference, sentAt);
  if (!told) return { response, method };
  return {
    response,
    method,
    found: { entry: { ...told, witness: method }, firstHand: isFirstHand(response), direct: true },
  };
}

/**
 * A manifest and its content, verified against every digest it is known by. What fails that, what is too large to be
 * kept, and what there is no room for, is the origin's answer as it is.
 * @param held where its content is held, and how long it may take after the headers
 */
export async function getManifest(
  ctx: RequestContext,
  send: Send,
  reference: Reference,
  held: Omit<Reading, 'maxBytes'>,
): Promise<ContentStat<ContentEntry>> {
  const { response, sentAt } = await send();
  const method = 'GET';
  const entry = manifestEntryOf(response, reference, sentAt);
  if (!entry || entry.descriptor.size > MAX_MANIFEST_BYTES) return { response, method };
  const body = await readBody(response, { ...held, maxBytes: MAX_MANIFEST_BYTES });
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
    found: { entry: { ...entry, witness: method, content }, firstHand: isFirstHand(response), direct: true },
  };
}

/** What a 200 says of a manifest; `undefined` where digest, size or media type are not certain. */
function manifestEntryOf(response: Response, reference: Reference, sentAt: number): Entry | undefined {
  const told = response.headers.get('docker-content-digest') ?? '';
  const answered = reference.kind === 'digest' ? reference.text : told;
  return isDigest(answered) && response.headers.has('content-type') ? entryOf(response, answered, sentAt) : undefined;
}
