import { timingSafeEqual } from 'hono/utils/buffer';
import type { RequestContext } from '../../context.ts';
import type { Report } from '../../metrics/rpc.ts';
import { RegistryError } from '../../oci/errors.ts';
import { withTimeout } from '../../stores/timeout.ts';
import { errorName } from '../../telemetry/log.ts';
import { VERSION } from '../../version.ts';
import { MAX_REPORT_MS } from './metrics.ts';
import { readText } from './readText.ts';
import type { AdminOptions } from './routes.ts';
import { beginSession, endSession, hasForgedSession, isSameOrigin, requestTokenOf, sessionOf } from './session.ts';

const PAGE = '/_edge/';

/** What a request for the page is answered with. `nonce` is that of its scripts and styles. */
interface Shown {
  readonly html: string;
  readonly nonce: string;
  readonly status?: number;
}

/**
 * Answers `GET /_edge/`: the page for operators, or the login to it. To a stranger it says nothing but that there is a
 * login: whatever belongs to the page is a part of the answer itself.
 * @throws RegistryError NAME_UNKNOWN: there is no `ADMIN_TOKEN`; UNSUPPORTED
 */
export async function pageRoute(ctx: RequestContext, { upstreams, adminToken, metrics }: AdminOptions) {
  const token = checked(ctx, adminToken, ['GET', 'HEAD']);
  if (ctx.target.path !== PAGE) return new Response(null, { status: 308, headers: { Location: PAGE, ...ALWAYS } });
  const session = await sessionOf(ctx, token);
  const nonce = crypto.randomUUID();
  const { dashboard, loginPage } = await import('../../page/page.ts');
  if (!session) {
    // As wrong tokens at the login are, a session that a wrong one has signed is counted.
    const status = (await hasForgedSession(ctx, token)) ? 401 : 200;
    return show(ctx, { nonce, status, html: loginPage({ nonce }) });
  }
  const report = metrics && (await withTimeout(metrics().report(), MAX_REPORT_MS).catch(unreadable(ctx)));
  const html = dashboard({
    ...{ nonce, report, now: ctx.now(), endsAt: session.endsAt, version: VERSION },
    isCounting: metrics !== undefined,
    requestToken: await requestTokenOf(session, token),
    aliases: upstreams.aliases,
  });
  return show(ctx, { nonce, html });
}

function unreadable(ctx: RequestContext) {
  return (error: unknown): Report | undefined => {
    ctx.log.warn('the metrics cannot be read', { error: errorName(error) });
    return undefined;
  };
}

/**
 * Answers `POST /_edge/login`: begins a session for whoever sends the `ADMIN_TOKEN`.
 * @throws RegistryError as `pageRoute`; REQUEST_INVALID: another site has sent it, or it has no form
 */
export async function loginRoute(ctx: RequestContext, { upstreams, adminToken }: AdminOptions): Promise<Response> {
  const token = checked(ctx, adminToken, ['POST']);
  if (!isSameOrigin(ctx.request)) throw new RegistryError('REQUEST_INVALID', { message: `log in at ${PAGE}` });
  const given = new URLSearchParams(await readText(ctx, upstreams)).get('token') ?? '';
  // Compared in constant time: as hashes of equal length, whatever was sent.
  if (await timingSafeEqual(given, token)) return redirect(await beginSession(ctx, token));
  const nonce = crypto.randomUUID();
  const { loginPage } = await import('../../page/page.ts');
  return show(ctx, { nonce, status: 401, html: loginPage({ nonce, isRefused: true }) });
}

/** Answers `POST /_edge/logout`. @throws RegistryError as `loginRoute` */
export async function logoutRoute(ctx: RequestContext, { adminToken }: AdminOptions): Promise<Response> {
  checked(ctx, adminToken, ['POST']);
  if (!isSameOrigin(ctx.request)) throw new RegistryError('REQUEST_INVALID', { message: `log out at ${PAGE}` });
  return redirect(endSession(ctx));
}

function checked({ method }: RequestContext, adminToken: string | undefined, methods: readonly string[]): string {
  if (adminToken === undefined) throw new RegistryError('NAME_UNKNOWN');
  if (!methods.includes(method)) throw new RegistryError('UNSUPPORTED', { headers: { Allow: methods.join(', ') } });
  return adminToken;
}

function redirect(cookie: string): Response {
  return new Response(null, { status: 303, headers: { Location: PAGE, 'Set-Cookie': cookie, ...ALWAYS } });
}

const ALWAYS = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
} as const;

function show(ctx: RequestContext, { html, nonce, status = 200 }: Shown): Response {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    'img-src data:',
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ];
  const headers = {
    ...ALWAYS,
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy.join('; '),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'X-Robots-Tag': 'noindex',
  };
  return new Response(ctx.method === 'HEAD' ? null : html, { status, headers });
}
