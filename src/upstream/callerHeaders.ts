import type { RequestContext } from '../context.ts';
import { callerHeaders } from '../http/headers.ts';
import { rewriteLocation } from '../http/location.ts';
import type { Upstream } from './upstream.ts';

/** Headers by which the origin spoke to this caller. */
export type CallerHeaders = Readonly<Record<string, string>>;

/** What the origin says to this caller in its own answer to it, the addresses on the edge. */
export function callerHeadersOf(ctx: RequestContext, { origin }: Upstream, response: Response): CallerHeaders {
  const { link } = rewriteLocation(ctx.url, origin.url, response);
  return { ...callerHeaders(response.headers), ...(link !== undefined && { link }) };
}
