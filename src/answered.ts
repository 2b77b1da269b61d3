import type { RequestContext } from './context.ts';
import type { AnsweredRequest, Handler } from './metrics/countRequest.ts';
import { parseWholeNumber } from './oci/descriptor.ts';
import type { Route } from './oci/route.ts';
import type { Upstream } from './upstream/upstream.ts';

/** What the application knows of a request that it has answered. */
export interface Answered {
  readonly ctx: RequestContext;
  readonly response: Response;
  /** Absent: the path is none of the registry's, or was refused unread. */
  readonly route: Route | undefined;
  /** Absent: the request was for no upstream. */
  readonly upstream: Upstream | undefined;
  /** When its headers were ready, epoch ms. */
  readonly answeredAt: number;
  /** Whether the client is named, which costs a look at a header. */
  readonly namesClient: boolean;
  /** Returns what kind of client a User-Agent names. */
  readonly kindOf: (userAgent: string | null) => string;
}

/** Describes a request as it is counted. */
export function describeRequest(answered: Answered): AnsweredRequest {
  const { ctx, response, route, upstream, answeredAt } = answered;
  const { method, startedAt, events } = ctx;
  const reference = route?.kind === 'manifest' ? route.reference : undefined;
  return {
    upstream: upstream?.alias ?? '',
    handler: handlerOf(answered),
    method,
    status: response.status,
    ms: answeredAt - startedAt,
    startedAt,
    events,
    receivedBytes: method === 'GET' || method === 'HEAD' ? 0 : receivedBytes(ctx, response),
    // A 304 may announce the length of what the client has already.
    sentBytes: method === 'HEAD' || response.body === null ? 0 : lengthOf(response.headers),
    repository: route && 'name' in route ? route.name : undefined,
    tag: reference?.kind === 'tag' ? reference.text : undefined,
    client: answered.namesClient ? clientOf(answered) : undefined,
  };
}

function handlerOf({ ctx, route }: Answered): Handler {
  if (!route) return ctx.target.path.startsWith('/_edge/') ? 'edge' : 'other';
  if (route.kind === 'upload') return ctx.method === 'POST' ? 'blob_upload' : 'blob_upload_chunk';
  return route.kind === 'foreign' ? 'other' : route.kind;
}

function lengthOf(headers: Headers): number {
  return parseWholeNumber(headers.get('content-length')) ?? 0;
}

/** A chunk that states no length is the first of its upload: the registry says how much it has. */
function receivedBytes({ method, request: { headers } }: RequestContext, response: Response): number {
  const length = parseWholeNumber(headers.get('content-length'));
  if (length !== undefined || method !== 'PATCH' || headers.has('content-range')) return length ?? 0;
  const [, last] = /^(?:bytes=)?0-([0-9]+)$/.exec(response.headers.get('range') ?? '') ?? [];
  return last ? Number(last) + 1 : 0;
}

const MAX_NAME_CHARACTERS = 100;

/** Returns the name of a user or of a token's subject, or else the kind of the client; never a credential. */
function clientOf({ ctx, upstream, kindOf }: Answered): string {
  const user = upstream?.users?.list.known(ctx)?.name;
  if (user !== undefined) return `user ${user}`;
  const subject = upstream?.authorizer.subjectOf?.(ctx);
  if (subject) return `subject ${subject.slice(0, MAX_NAME_CHARACTERS)}`;
  return kindOf(ctx.request.headers.get('user-agent'));
}
