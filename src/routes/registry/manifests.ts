import type { RequestContext } from '../../context.ts';
import type { Route } from '../../oci/route.ts';
import { MANIFEST_EXISTENCE } from '../../upstream/existence.ts';
import { MANIFEST_CONTENT } from '../../upstream/manifestContent.ts';
import { readContent } from '../../upstream/read.ts';
import { Repository } from '../../upstream/repository.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { contentAnswer, outcomeAnswer } from './answer.ts';

type ManifestRoute = Extract<Route, { kind: 'manifest' }>;

/** Answers HEAD and GET of `/v2/<name>/manifests/<reference>`, by digest or by tag. */
export function readManifest(
  ctx: RequestContext,
  upstream: Upstream,
  route: ManifestRoute,
): Response | Promise<Response> {
  const repository = new Repository(ctx, upstream, route.name);
  const request = { target: route, reference: route.reference, accept: ctx.request.headers.get('accept') };
  if (ctx.method === 'GET') {
    const outcome = readContent(repository, { ...request, kind: MANIFEST_CONTENT });
    return outcomeAnswer(ctx, upstream, outcome, ({ descriptor, content }, callerHeaders) => {
      // The bytes may come from another request's flight or from memory: the budget counts them for this one, too.
      upstream.bodies.hold(ctx, content);
      return contentAnswer(ctx, descriptor, false, { content, callerHeaders });
    });
  }
  const outcome = readContent(repository, { ...request, kind: MANIFEST_EXISTENCE });
  return outcomeAnswer(ctx, upstream, outcome, ({ descriptor }, callerHeaders) =>
    contentAnswer(ctx, descriptor, false, { callerHeaders }),
  );
}
