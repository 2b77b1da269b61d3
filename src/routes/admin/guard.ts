import { timingSafeEqual } from 'hono/utils/buffer';
import type { RequestContext } from '../../context.ts';
import { RegistryError } from '../../oci/errors.ts';
import type { Target } from '../../oci/route.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';
import { isSentByPage } from './session.ts';

/**
 * Checks that a request to one of the edge's own paths has a bearer token that opens it, or was sent by the page of
 * somebody who has logged in with one, and that it has one of its methods.
 * @param tokens which one, or several; where none is set, the path is disabled
 * @throws RegistryError NAME_UNKNOWN: the path is disabled; UNAUTHORIZED; UNSUPPORTED
 */
export async function guard(
  ctx: RequestContext,
  tokens: string | undefined | readonly (string | undefined)[],
  methods: readonly string[],
): Promise<void> {
  const set = [tokens].flat().filter((token) => token !== undefined);
  if (set.length === 0) throw new RegistryError('NAME_UNKNOWN');
  const [, given = ''] = /^Bearer +(.+)$/i.exec(ctx.request.headers.get('authorization') ?? '') ?? [];
  // Compared in constant time: as hashes of equal length, whatever was sent, and with all of them.
  const matches = await Promise.all(set.map((token) => timingSafeEqual(given, token)));
  const isOpen =
    matches.includes(true) || (await Promise.all(set.map((token) => isSentByPage(ctx, token)))).includes(true);
  if (!isOpen) throw new RegistryError('UNAUTHORIZED');
  if (!methods.includes(ctx.method)) throw new RegistryError('UNSUPPORTED', { headers: { Allow: methods.join(', ') } });
}

/**
 * Returns the alias that a request for one of the edge's own paths names, in `?upstream=` or behind `/_edge/events/`;
 * empty where it names none, `undefined` where it names several.
 */
export function aliasIn({ path, search }: Target): string | undefined {
  if (path === EVENTS || path.startsWith(`${EVENTS}/`)) return path.slice(EVENTS.length + 1);
  const [alias = '', ...others] = new URLSearchParams(search).getAll('upstream');
  return others.length > 0 ? undefined : alias;
}

const EVENTS = '/_edge/events';

/**
 * Returns the upstream that an operator's `?upstream=` names, and the other parameters; without it, the default one.
 * @throws RegistryError REQUEST_INVALID: there is no such upstream
 */
export function upstreamOf(ctx: RequestContext, upstreams: Upstreams): [upstream: Upstream, others: URLSearchParams] {
  const query = new URLSearchParams(ctx.target.search);
  query.delete('upstream');
  return [upstreamNamed(upstreams, aliasIn(ctx.target)), query];
}

/** Returns the upstream of an alias. @throws RegistryError REQUEST_INVALID: there is no such upstream */
export function upstreamNamed(upstreams: Upstreams, alias: string | undefined): Upstream {
  const upstream = alias === undefined ? undefined : upstreams.named(alias);
  if (upstream) return upstream;
  const known = upstreams.aliases.filter((one) => one !== '').join(', ');
  const message = known ? `name the upstream: one of ${known}` : 'there is one upstream: name none';
  throw new RegistryError('REQUEST_INVALID', { message });
}

/** Runs work that only the store can make fail. @throws RegistryError UNAVAILABLE: the store failed */
export async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('UNAVAILABLE', {
      message: 'the store does not answer: send the request again later',
      cause,
    });
  }
}

/** Returns a 200 with JSON, without the body to a HEAD. */
export function jsonAnswer(ctx: RequestContext, value: unknown): Response {
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
  return new Response(ctx.method === 'HEAD' ? null : `${JSON.stringify(value)}\n`, { headers });
}
