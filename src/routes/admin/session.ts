import { parseSigned, serialize, serializeSigned } from 'hono/utils/cookie';
import type { RequestContext } from '../../context.ts';

const COOKIE = 'registry-edge';
/** It is not prolonged: a stolen cookie ends with its minutes. */
const LIFE_MS = 15 * 60_000;
/** The header in which the page sends its request token. */
export const REQUEST_TOKEN = 'x-request-token';

/** A login on the page. The edge keeps nothing of it: its cookie says all, and is signed. */
export interface Session {
  readonly text: string;
  /** Epoch ms. */
  readonly endsAt: number;
}

/** Begins a session of whoever knows the `ADMIN_TOKEN`, which signs it. @returns the `Set-Cookie` */
export function beginSession(ctx: RequestContext, adminToken: string): Promise<string> {
  const text = `${ctx.now() + LIFE_MS}-${crypto.randomUUID()}`;
  return serializeSigned(COOKIE, text, signingKey(adminToken), { ...cookieOptions(ctx), maxAge: LIFE_MS / 1_000 });
}

/** @returns the `Set-Cookie` that makes the browser forget its session */
export function endSession(ctx: RequestContext): string {
  return serialize(COOKIE, '', { ...cookieOptions(ctx), maxAge: 0 });
}

function cookieOptions({ request }: RequestContext) {
  const secure = new URL(request.url).protocol === 'https:';
  return { path: '/_edge', httpOnly: true, sameSite: 'Strict', secure } as const;
}

/** Returns the session of a request. It opens only what is shown: see `isSentByPage`. */
export async function sessionOf(ctx: RequestContext, adminToken: string): Promise<Session | undefined> {
  const text = (await signedCookie(ctx, adminToken)) || '';
  const endsAt = Number(/^(\d+)-/.exec(text)?.[1] ?? 0);
  return endsAt > ctx.now() ? { text, endsAt } : undefined;
}

/** Whether a request has a session that another token has signed: whoever sends it may be guessing the `ADMIN_TOKEN`. */
export async function hasForgedSession(ctx: RequestContext, adminToken: string): Promise<boolean> {
  return (await signedCookie(ctx, adminToken)) === false;
}

async function signedCookie({ request }: RequestContext, adminToken: string): Promise<string | false | undefined> {
  return (await parseSigned(request.headers.get('cookie') ?? '', signingKey(adminToken), COOKIE))[COOKIE];
}

/**
 * Returns what the page of a session has to send with each of its requests. Other pages do not know it, whatever their
 * browser sends with theirs.
 */
export function requestTokenOf({ text }: Session, adminToken: string): Promise<string> {
  return serializeSigned(COOKIE, text, requestKey(adminToken));
}

/** Whether a request was sent by the page of a session itself, and so may do what the `ADMIN_TOKEN` opens. */
export async function isSentByPage(ctx: RequestContext, adminToken: string): Promise<boolean> {
  const given = ctx.request.headers.get(REQUEST_TOKEN);
  if (given === null || !isSameOrigin(ctx.request)) return false;
  const session = await sessionOf(ctx, adminToken);
  const sent = await parseSigned(given, requestKey(adminToken), COOKIE);
  return session !== undefined && sent[COOKIE] === session.text;
}

/** Whether a page of the edge itself has sent the request, as far as its browser says so. */
export function isSameOrigin({ headers, url }: Request): boolean {
  const site = headers.get('sec-fetch-site');
  return site === null ? headers.get('origin') === new URL(url).origin : site === 'same-origin';
}

const signingKey = (adminToken: string) => `session ${adminToken}`;
const requestKey = (adminToken: string) => `request ${adminToken}`;
