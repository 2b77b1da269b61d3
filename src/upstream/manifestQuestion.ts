import { notedItem, tagItem } from '../cache/tags.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { accepts, isCommonVariant, variantOf } from '../oci/mediaTypes.ts';
import type { ManifestRoute, Verb } from './manifest.ts';
import type { QuestionFor } from './question.ts';
import { unseenIn, windowOf } from './repository.ts';
import type { Upstream } from './upstream.ts';

export function questionFor<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  route: ManifestRoute,
  verbOf: (ctx: RequestContext, upstream: Upstream, route: ManifestRoute) => Verb<E>,
): QuestionFor<E> {
  const { name, reference, search } = route;
  const { ttls, tags } = upstream;
  const verb = verbOf(ctx, upstream, route);
  const accept = ctx.request.headers.get('accept');
  const variant = () => `${variantOf(accept)} ${decodeURIComponent(search)}`;
  const about = {
    name,
    links: 'manifests' as const,
    isOdd: !isCommonVariant(accept),
    key: () => `${ctx.method} manifests ${reference.text} ${variant()}`,
    accepts: ({ descriptor }: Entry) => accepts(accept, descriptor.mediaType),
    isWitnessed: verb.isWitnessed,
    ask: verb.ask,
  };

  return ({ mayPush }) => {
    const staleMs = mayPush ? 0 : ttls.staleMs;
    const unseenOf = (digest: Digest, shared: Entry, hasLooked: boolean) =>
      unseenIn(upstream, { name, links: 'manifests', digest }, shared, { hasLooked, mayPush });
    if (reference.kind === 'digest') {
      return {
        ...about,
        digest: reference.text,
        windowMs: windowOf(upstream, mayPush),
        staleMs,
        peek: () => verb.peek(reference.text, mayPush),
        item: () => verb.itemOf(reference.text, mayPush),
        unseen: (shared, hasLooked) => unseenOf(reference.text, shared, hasLooked),
      };
    }
    // Tags move: to a caller that may push none is answered from the cache, but what it leads to is kept.
    const isKept = !mayPush && !about.isOdd;
    const manifestOf = (digest: Digest) => verb.itemOf(digest, mayPush);
    const tag = () => tagItem({ name, tag: reference.text, variant: variant() }, tags, manifestOf);
    // The manifest may have been deleted by its digest, which the tag does not tell where it led elsewhere, or nowhere.
    const unseen = (shared: E, hasLooked: boolean) => [
      ...unseenOf(shared.descriptor.digest, shared, false),
      ...(hasLooked ? [] : [tag()]),
    ];
    if (isKept && ttls.tagMs + staleMs > 0) return { ...about, windowMs: ttls.tagMs, staleMs, item: tag, unseen };
    const named = { name, tag: reference.text };
    const itemOf = ({ descriptor }: E) => notedItem(named, tags, manifestOf(descriptor.digest));
    // What was asked before a push, perhaps through another isolate, is no answer after it.
    const key = mayPush ? () => undefined : about.key;
    return { ...about, key, windowMs: 0, staleMs: 0, item: tag, itemOf, unseen };
  };
}
