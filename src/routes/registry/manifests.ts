import type { RequestContext } from '../../context.ts';
import { getMethod, headMethod, type ManifestRoute } from '../../upstream/manifestMethods.ts';
import { manifestQuestionFor } from '../../upstream/manifestQuestion.ts';
import { readContent } from '../../upstream/read.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { contentAnswer, outcomeAnswer } from './answer.ts';

/** Answers HEAD and GET of `/v2/<name>/manifests/<reference>`, by digest or by tag. */
export function readManifest(
  ctx: RequestContext,
  upstream: Upstream,
  route: ManifestRoute,
): Response | Promise<Response> {
  const { name } = route;
  if (ctx.method === 'GET') {
    const outcome = readContent(
      ctx,
      upstream,
      { name, kind: 'GET manifests' },
      manifestQuestionFor(ctx, upstream, route, getMethod),
    );
    return outcomeAnswer(ctx, upstream, outcome, ({ descriptor, content }, callerHeaders) => {
      // The bytes may come from another request's flight or from memory: the budget counts them for this one, too.
      upstream.bodies.hold(ctx, content);
      return contentAnswer(ctx, descriptor, false, { content, callerHeaders });
    });
  }
  const outcome = readContent(
    ctx,
    upstream,
    { name, kind: 'HEAD manifests' },
    manifestQuestionFor(ctx, upstream, route, headMethod),
  );
  return outcomeAnswer(ctx, upstream, outcome, ({ descriptor }, callerHeaders) =>
    contentAnswer(ctx, descriptor, false, { callerHeaders }),
  );
}
