import { notedItem, tagItem } from '../cache/tagItem.ts';
import type { RequestContext } from '../context.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { accepts, isCommonVariant, variantOf } from '../oci/mediaTypes.ts';
import type { ManifestMethod, ManifestRoute } from './manifestMethods.ts';
import type { QuestionFor } from './question.ts';
import { unseenItems, windowOf } from './repository.ts';
import type { Upstream } from './upstream.ts';

/**
 * Returns the question that a request for a manifest asks, for a caller whose rights are still to be decided.
 * @param methodOf `head` or `get` of manifest.ts
 */
export function manifestQuestionFor<E extends Entry>(
  ctx: RequestContext,
  upstream: Upstream,
  route: ManifestRoute,
  methodOf: (ctx: RequestContext, upstream: Upstream, route: ManifestRoute) => ManifestMethod<E>,
): QuestionFor<E> {
  const { name, reference, search } = route;
  const { ttls, tags } = upstream;
  const method = methodOf(ctx, upstream, route);
  const accept = ctx.request.headers.get('accept');
  const variant = () => `${variantOf(accept)} ${decodeURIComponent(search)}`;
  const common = {
    name,
    links: 'manifests' as const,
    hasUncommonAccept: !isCommonVariant(accept),
    key: () => `${ctx.method} manifests ${reference.text} ${variant()}`,
    accepts: ({ descriptor }: Entry) => accepts(accept, descriptor.mediaType),
    isWitnessed: method.isWitnessed,
    ask: method.ask,
  };

  return ({ mayPush }) => {
    const staleMs = mayPush ? 0 : ttls.staleMs;
    const unseenManifests = (digest: Digest, shared: Entry, hasLooked: boolean) =>
      unseenItems(upstream, { name, links: 'manifests', digest }, shared, { hasLooked, mayPush });
    if (reference.kind === 'digest') {
      return {
        ...common,
        digest: reference.text,
        windowMs: windowOf(upstream, mayPush),
        staleMs,
        peek: () => method.peek(reference.text, mayPush),
        item: () => method.itemOf(reference.text, mayPush),
        unseen: (shared, hasLooked) => unseenManifests(reference.text, shared, hasLooked),
      };
    }
    // Tags move, so the cache answers none to a caller that may push; but it stores the manifest and notes the pointer.
    const isCacheable = !mayPush && !common.hasUncommonAccept;
    const manifestOf = (digest: Digest) => method.itemOf(digest, mayPush);
    const tag = () => tagItem({ name, tag: reference.text, variant: variant() }, tags, manifestOf);
    // The manifest may have been deleted by its digest. The tag's lookup shows that only if the tag pointed to it.
    const unseen = (shared: E, hasLooked: boolean) => [
      ...unseenManifests(shared.descriptor.digest, shared, false),
      ...(hasLooked ? [] : [tag()]),
    ];
    if (isCacheable && ttls.tagMs + staleMs > 0) return { ...common, windowMs: ttls.tagMs, staleMs, item: tag, unseen };
    const tagKey = { name, tag: reference.text };
    const itemOf = ({ descriptor }: E) => notedItem(tagKey, tags, manifestOf(descriptor.digest));
    // A caller that may push joins no flight: after a push, perhaps through another isolate, older answers are wrong.
    const key = mayPush ? () => undefined : common.key;
    return { ...common, key, windowMs: 0, staleMs: 0, item: tag, itemOf, unseen };
  };
}
