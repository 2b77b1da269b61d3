import type { RequestContext } from '../../context.ts';
import { parseDigest } from '../../oci/digest.ts';
import { quoted, RegistryError } from '../../oci/errors.ts';
import { parseRepositoryName } from '../../oci/name.ts';
import { isTag } from '../../oci/reference.ts';
import { type Cooldown, isHeld, resolveHeld } from '../../policy/cooldown.ts';
import type { Sighting } from '../../stores/tagHistory.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';
import { guard, jsonAnswer, orUnavailable, upstreamOf } from './guard.ts';

const PREFIX = '/_edge/cooldown/';

/**
 * Answers `GET /_edge/cooldown/<name>:<tag>` and `POST /_edge/cooldown/<name>:<tag>@<digest>`, for operators with the
 * `ADMIN_TOKEN`: shows where a tag led and when, or lets it lead to a digest at once for callers that only pull.
 * @returns JSON: the digest to which the tag leads for them, and its history, what was seen last first
 * @throws RegistryError as `guard`; NAME_INVALID, TAG_INVALID, DIGEST_INVALID; REQUEST_INVALID: the upstream has no
 *   cooldown, or there is a query; UNAVAILABLE: the store failed
 */
export async function cooldownRoute(
  ctx: RequestContext,
  upstreams: Upstreams,
  adminToken: string | undefined,
): Promise<Response> {
  const [, nameText = '', tag = '', digestText] =
    /^([^:@]*):?([^@]*)(?:@(.*))?$/.exec(ctx.target.path.slice(PREFIX.length)) ?? [];
  await guard(ctx, adminToken, digestText === undefined ? ['GET', 'HEAD'] : ['POST']);
  const [upstream, query] = upstreamOf(ctx, upstreams);
  const { cooldown } = upstream;
  if (query.size > 0) throw new RegistryError('REQUEST_INVALID', { message: 'invalid query: send none' });
  if (!cooldown) throw new RegistryError('REQUEST_INVALID', { message: 'the upstream has no cooldown: set COOLDOWN' });
  const given = parseRepositoryName(nameText);
  const name = upstream.names?.fullName(given) ?? given;
  if (!isTag(tag)) throw new RegistryError('TAG_INVALID', { detail: { tag: quoted(tag) } });
  if (digestText !== undefined) {
    const digest = parseDigest(digestText);
    await orUnavailable(() => cooldown.history.release(ctx, { name, tag }, digest));
    ctx.log.warn('an operator released a digest from the cooldown', { repository: name, tag, digest });
  }
  const history = await orUnavailable(() => cooldown.history.read(ctx, { name, tag }));
  const leadsTo = resolveHeld(history, cooldown) ?? null;
  return jsonAnswer(ctx, { repository: name, tag, leadsTo, history: history.map((one) => shown(one, cooldown)) });
}

function shown(sighting: Sighting, cooldown: Cooldown) {
  const { digest, firstSeen, lastSeen, heldMs, releasedAt } = sighting;
  const time = (ms: number) => (ms > 0 ? new Date(ms).toISOString() : null);
  return {
    digest,
    counts: isHeld(sighting, cooldown),
    firstSeen: time(firstSeen),
    lastSeen: time(lastSeen),
    heldSeconds: Math.floor(heldMs / 1_000),
    released: time(releasedAt),
  };
}
