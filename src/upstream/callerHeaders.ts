import type { RequestContext } from '../context.ts';
import { callerHeaders } from '../http/headers.ts';
import { rewriteLocation } from '../http/location.ts';
import type { Upstream } from './upstream.ts';

/** Headers of the origin's answer that concern this caller, and not the content. */
export type CallerHeaders = Readonly<Record<string, string>>;

/** Returns the caller's headers of the origin's answer; the addresses in `Link` are rewritten to the edge. */
export function callerHeadersOf(ctx: RequestContext, { origin }: Upstream, response: Response): CallerHeaders {
  const { link } = rewriteLocation(ctx.target, origin.url, response);
  return { ...callerHeaders(response.headers), ...(link !== undefined && { link }) };
}
