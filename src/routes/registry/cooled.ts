import { within } from '../../async.ts';
import type { RequestContext } from '../../context.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Route } from '../../oci/route.ts';
import type { Cooldown } from '../../policy/cooldown.ts';
import { Repository } from '../../upstream/repository.ts';
import { isDigestHeld, resolveTag, wouldHoldBack } from '../../upstream/resolveTag.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { relayUnlessStalled } from './relay.ts';

type ManifestRoute = Extract<Route, { kind: 'manifest' }>;

/** A manifest that a caller who only pulls asks for, and how it is served without a cooldown. */
interface Asked {
  readonly repository: Repository;
  readonly cooldown: Cooldown;
  readonly route: ManifestRoute;
  serve(route: ManifestRoute): Response | Promise<Response>;
}

const OWN_QUERIES = 'a tag is asked for without a query, but for ns with one of MIRRORED_HOSTS';
const NONE_YET = 'the tag has led to nothing for as long as COOLDOWN: wait, or ask an operator to release the digest';
const TOO_NEW = 'no tag has led to this digest for as long as COOLDOWN: wait, or ask an operator to release it';
const GONE =
  'the digest to which the tag has led for as long as COOLDOWN is gone: wait, or ask an operator to release another';

/**
 * Serves a manifest where `COOLDOWN` is declared: to a caller that only pulls, a tag is the digest to which it has led
 * for so long, whatever else the request says. Everybody else is served as always.
 * @throws RegistryError DENIED: nothing counts yet; UNAVAILABLE: nobody can tell; and what `serve` throws
 */
export async function serveCooled(
  ctx: RequestContext,
  upstream: Upstream,
  { route, serve }: Pick<Asked, 'route' | 'serve'>,
): Promise<Response> {
  const { cooldown, policies } = upstream;
  const { name, reference } = route;
  const repository = new Repository(ctx, upstream, name);
  if (!cooldown || !(await onlyPulls(repository))) return serve(route);
  const asked = { repository, cooldown, route, serve };
  if (reference.kind === 'digest' && cooldown.coversDigests) return serveDigest(asked, reference.text);
  if (reference.kind !== 'tag' || !cooldown.tags.matches(`${name}:${reference.text}`)) return serve(route);
  if (!upstream.ownQueries.has(route.search)) {
    policies.deny(ctx, 'COOLDOWN', OWN_QUERIES);
    return serve(route);
  }
  return policies.isEnforced('COOLDOWN') ? serveHeld(asked, reference.text) : serveReported(asked, reference.text);
}

/** Whether the caller only pulls: one of whom nothing is proved yet is held to what is declared of it. */
async function onlyPulls(repository: Repository): Promise<boolean> {
  const { ctx, upstream, name } = repository;
  const access = await repository.authorize(ctx.method === 'HEAD' ? 'HEAD manifests' : 'GET manifests');
  if (access.kind === 'unproven') return upstream.authorizer.onlyPulls(ctx, name);
  return access.kind === 'granted' && !access.mayPush;
}

/**
 * Serves a digest, unless it is too new. A caller without a proof is told so once the origin has let it in (law 1), and
 * where it is only reported nobody waits for the history before the answer is there.
 */
async function serveDigest({ repository, cooldown, route, serve }: Asked, digest: Digest): Promise<Response> {
  const { ctx, upstream, isGranted } = repository;
  const isEnforced = upstream.policies.isEnforced('COOLDOWN');
  const answer = isEnforced && isGranted ? undefined : await serve(route);
  if (answer && !isGranted && answer.status >= 400) return answer;
  const looking = isDigestHeld(repository, cooldown, digest);
  const isHeld = isEnforced ? await looking : ((await within(looking, upstream.cacheTimeoutMs)) ?? true);
  if (isHeld ?? cooldown.unknown === 'pass') return answer ?? serve(route);
  if (isEnforced) await answer?.body?.cancel();
  if (isHeld === undefined) passUnknown(cooldown);
  upstream.policies.deny(ctx, 'COOLDOWN', TOO_NEW);
  return answer ?? serve(route);
}

/** Serves the digest that counts in place of the tag. */
async function serveHeld({ repository, cooldown, route, serve }: Asked, tag: string): Promise<Response> {
  const { ctx, upstream, name } = repository;
  const resolved = await resolveTag(repository, cooldown, { tag, target: route });
  if (resolved.kind === 'refused') return relayUnlessStalled(ctx, upstream, resolved.response);
  if (resolved.kind === 'unknown') {
    passUnknown(cooldown);
    return serve(route);
  }
  const { current, held } = resolved;
  if (held === undefined) upstream.policies.deny(ctx, 'COOLDOWN', NONE_YET);
  const text = held ?? current;
  const path = `/v2/${name}/manifests/${text}`;
  const answer = await serve({ ...route, path, reference: { kind: 'digest', text } });
  if (text === current) return answer;
  if (answer.status === 404) {
    await answer.body?.cancel();
    upstream.policies.deny(ctx, 'COOLDOWN', GONE);
  }
  ctx.emit({ kind: 'policy', policy: 'COOLDOWN', outcome: 'heldBack' });
  return answer;
}

/** Serves the tag as always, and tells whether the cooldown would have changed the answer. */
async function serveReported({ repository, cooldown, route, serve }: Asked, tag: string): Promise<Response> {
  const { ctx, upstream } = repository;
  const answer = await serve(route);
  const answered = answer.headers.get('docker-content-digest') ?? '';
  if (answer.status >= 400 || !isDigest(answered)) return answer;
  const wouldChange = wouldHoldBack(repository, cooldown, { tag, answered });
  if (await within(wouldChange, upstream.cacheTimeoutMs)) upstream.policies.deny(ctx, 'COOLDOWN', NONE_YET);
  return answer;
}

/** @throws RegistryError UNAVAILABLE: what is unknown is denied */
function passUnknown({ unknown }: Cooldown): void {
  if (unknown === 'pass') return;
  throw new RegistryError('UNAVAILABLE', {
    message: 'the history of the tag cannot be read (COOLDOWN_UNKNOWN=deny): send the request again later',
  });
}
