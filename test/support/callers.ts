import { accessTo, type Issuer } from './tokens.ts';

/** `verified`: the edge can verify its token. `fresh`: a credential that nobody has used before. */
export type Caller = 'verified' | 'reader' | 'fresh' | 'push-only';

/** The `Authorization` of the caller whom the origin of the tests lets only push. */
export const PUSH_ONLY = 'Basic push-only';

const FAR_FUTURE_SECONDS = 10_000_000_000;

/** Returns what gives the `Authorization` of each caller in a repository. @param issuer edges verify its tokens */
export async function createCallers(issuer: Issuer, name: string): Promise<(caller: Caller) => string> {
  const token = await issuer.issue({ ...accessTo(name, ['pull', 'push']), exp: FAR_FUTURE_SECONDS });
  let callers = 0;
  return (caller) => {
    switch (caller) {
      case 'verified':
        return `Bearer ${token}`;
      case 'fresh':
        return `Basic fresh-${++callers}`;
      case 'reader':
        return 'Basic reader';
      default:
        return PUSH_ONLY;
    }
  };
}
