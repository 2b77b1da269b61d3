import type { RequestContext } from '../context.ts';

/** The edge's own account at the origin, which it lends to its callers. */
export interface Account {
  /**
   * Returns its `Authorization`, for the origin and its token server only.
   * @param unless one that the origin has refused: another one is fetched, if there may be another
   * @throws RegistryError ORIGIN_UNREACHABLE: there is none now
   */
  authorization(ctx: RequestContext, unless?: string): Promise<string>;
}

/** Returns the `Authorization` of HTTP Basic (RFC 7617), in UTF-8. */
export function basicAuthorization(name: string, password: string): string {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** `ORIGIN_ACCOUNT=password`: an account whose password does not change. */
export function createPasswordAccount(name: string, password: string): Account {
  const authorization = basicAuthorization(name, password);
  return { authorization: async () => authorization };
}
