/** Replaced by local/build.ts with the version of package.json. */
declare const REGISTRY_EDGE_VERSION: string | undefined;

/** The version of the edge; `dev` where it was not built. */
export const VERSION = typeof REGISTRY_EDGE_VERSION === 'string' ? REGISTRY_EDGE_VERSION : 'dev';

/** How the edge names itself in requests of its own. */
export const USER_AGENT = `registry-edge/${VERSION}`;
