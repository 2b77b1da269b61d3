import type { RequestContext } from '../../context.ts';
import { holdBody } from '../../http/body/heldBody.ts';
import { RegistryError } from '../../oci/errors.ts';
import { MAX_MANIFEST_BYTES } from '../../origin/manifests.ts';
import type { Upstream } from '../../upstream/upstream.ts';

/** A client on a slow line sends 4 MiB in this time. */
const MANIFEST_WAIT_MS = 60_000;
/** The wait for room in the budget of bodies. */
const ROOM_WAIT_MS = 5_000;

/**
 * Whether the blobs of a pushed manifest are confirmed before it goes on: wherever a HEAD may have answered "exists"
 * past `PUSH_EXISTENCE_TTL`.
 */
export function isChecked({ ttls }: Upstream): boolean {
  return ttls.pushStaleMs > 0;
}

/**
 * Reads the whole manifest of a PUT, which is held until the request is over.
 * @returns `undefined` if the request has no body
 * @throws RegistryError MANIFEST_TOO_LARGE: also where there is no room now; REQUEST_INVALID: the body broke off
 */
export async function holdManifest(ctx: RequestContext, { bodies }: Upstream): Promise<Uint8Array | undefined> {
  if (!ctx.request.body) return undefined;
  const holding = { maxBytes: MAX_MANIFEST_BYTES, timeoutMs: MANIFEST_WAIT_MS, roomWaitMs: ROOM_WAIT_MS };
  const held = await holdBody(ctx, bodies, holding).catch((cause: unknown) => {
    throw new RegistryError('REQUEST_INVALID', { message: 'the body broke off: send the complete body again', cause });
  });
  if (held === 'too large') throw new RegistryError('MANIFEST_TOO_LARGE');
  if (held !== 'no room') return held;
  throw new RegistryError('MANIFEST_TOO_LARGE', {
    message: 'the edge has no room for the manifest now: push it again later',
    headers: { 'Retry-After': '5' },
  });
}
