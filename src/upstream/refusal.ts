import type { RequestContext } from '../context.ts';
import { readBody } from '../http/body/readBody.ts';
import { trackedBody } from '../http/body/trackedBody.ts';
import { withErrorBody } from '../http/errorBody.ts';
import type { Digest } from '../oci/digest.ts';
import type { ErrorCode } from '../oci/errors.ts';
import { digestsIn } from '../oci/manifest.ts';
import type { Upstream } from './upstream.ts';

/** These statuses concern the caller. Any other refusal may concern what the manifest names, in whatever words. */
const CALLER_STATUSES = new Set([401, 403, 429]);
/** A longer refusal is relayed without being read. Registries write some 150 bytes for each missing blob. */
const MAX_REFUSAL_BYTES = 1024 * 1024;

/** Whether the answer to a PUT of a manifest may refuse it for what it names. */
export function blamesManifest({ status }: Response): boolean {
  return status >= 400 && !CALLER_STATUSES.has(status);
}

/** A refusal that was read. */
export interface Refusal {
  /** Its body; empty if that was too long, or did not arrive. */
  readonly text: string;
  /** The refusal with a body that can still be sent. */
  readonly relayed: Response;
}

/** Reads a refusal's body, up to 1 MiB. If the body breaks off, an error of the edge's own stands in for it. */
export async function readRefusal(ctx: RequestContext, upstream: Upstream, refusal: Response): Promise<Refusal> {
  const body = await readBody(refusal, {
    room: upstream.bodies.room(ctx),
    maxBytes: MAX_REFUSAL_BYTES,
    timeoutMs: upstream.origin.timeoutMs,
  }).catch(() => undefined);
  if (!body) return { text: '', relayed: withErrorBody(refusal, ERROR_CODES[refusal.status] ?? 'MANIFEST_INVALID') };
  if ('stream' in body) return { text: '', relayed: new Response(body.stream, refusal) };
  return { text: new TextDecoder().decode(body.bytes), relayed: new Response(trackedBody(ctx, body.bytes), refusal) };
}

/** The error code for a refusal whose own body did not arrive. */
const ERROR_CODES: Readonly<Record<number, ErrorCode>> = {
  404: 'MANIFEST_UNKNOWN',
  500: 'UNKNOWN',
  503: 'UNAVAILABLE',
};

/**
 * The code (distribution-spec, "Error Codes") with which a registry reports, in a 400, that it searched for a blob and
 * did not find it. To a stranger from whom it hides its content, a registry would answer 404 instead.
 */
const BLOB_MISSING = 'MANIFEST_BLOB_UNKNOWN';

/** Returns the digests that a refusal explicitly reports as missing. */
export function missingBlobs(text: string): ReadonlySet<Digest> {
  try {
    const { errors } = JSON.parse(text) as { errors?: readonly { readonly code?: unknown }[] };
    const missing = Array.isArray(errors) ? errors.filter((error) => error?.code === BLOB_MISSING) : [];
    return digestsIn(JSON.stringify(missing));
  } catch {
    return new Set();
  }
}
