import type { RequestContext } from '../../context.ts';
import { waitForRoom } from '../../http/body/budget.ts';
import { readBody } from '../../http/body/readBody.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';

const MAX_BODY_BYTES = 64 * 1024;
const BODY_WAIT_MS = 10_000;

/**
 * Reads the body of an operator's request, within the room that all bodies share.
 * @throws RegistryError UNAVAILABLE: there is no room; REQUEST_INVALID: it broke off, or is too long
 */
export async function readText(ctx: RequestContext, upstreams: Upstreams): Promise<string> {
  const bodies = upstreams.named(upstreams.aliases[0] ?? '')?.bodies;
  const room = bodies && (await waitForRoom(bodies, ctx, 0, 0));
  if (!room) throw new RegistryError('UNAVAILABLE', { message: 'the edge is busy: send the request again later' });
  const body = await readBody(ctx.request, { room, maxBytes: MAX_BODY_BYTES, timeoutMs: BODY_WAIT_MS }).catch(
    (cause: unknown) => {
      throw new RegistryError('REQUEST_INVALID', { message: 'the body broke off: send it again, whole', cause });
    },
  );
  if ('bytes' in body) return new TextDecoder().decode(body.bytes);
  await body.stream.cancel();
  throw new RegistryError('REQUEST_INVALID', { message: `expected a body of at most ${MAX_BODY_BYTES} bytes` });
}
