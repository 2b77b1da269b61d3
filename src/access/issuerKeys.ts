import type { RequestContext } from '../context.ts';
import type { IssuerSettings } from '../http/identitySettings.ts';
import type { PublicKey } from '../http/jwt.ts';
import { createSharedWork } from '../isolate/sharedWork.ts';
import { fetchDocument } from './fetchDocument.ts';
import { createTokenKeys, type TokenKeys } from './tokenKeys.ts';

/** The keys of an issuer. Logins wait for the keys that another one fetches: nobody else could judge them. */
export function createIssuerKeys(settings: IssuerSettings): TokenKeys {
  const variable = `OIDC_ISSUERS.${settings.name}`;
  const keys = createTokenKeys({ configured: [], findUrl: (ctx) => findKeySet(ctx, settings, variable), variable });
  const sharedWork = createSharedWork<{ readonly known: readonly PublicKey[] | undefined }>();
  return {
    async current(ctx) {
      return (await sharedWork(ctx, 'current', async () => ({ known: await keys.current(ctx) }))).known ?? [];
    },
    async refreshed(ctx) {
      return (await sharedWork(ctx, 'refreshed', async () => ({ known: await keys.refreshed(ctx) }))).known;
    },
  };
}

/**
 * Finds the key set of an issuer by its discovery document (OpenID Connect Discovery 1.0, §4). The document has to be
 * that of this issuer (§4.3), and names keys at its own host only: an operator names others.
 * @throws Error the document cannot be used, which is logged, or was not fetched
 */
async function findKeySet(ctx: RequestContext, { issuer, jwksUrl }: IssuerSettings, variable: string): Promise<URL> {
  if (jwksUrl) return jwksUrl;
  const document = await fetchDocument(new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`));
  const { issuer: named, jwks_uri: uri } = JSON.parse(document) as Record<string, unknown>;
  const url = URL.canParse(String(uri)) ? new URL(String(uri)) : undefined;
  if (named === issuer && url?.origin === new URL(issuer).origin) return url;
  const advice = named === issuer ? 'names no keys at its own host: set jwks_uri' : 'is that of another issuer';
  ctx.log.warn(`${variable}: the discovery document ${advice}`);
  throw new Error('the discovery document cannot be used');
}
