import { isOtherIdentity } from '../http/identity.ts';

const VISIBLE_ASCII = /^[ -~]*$/;

/**
 * Who calls: the `Authorization` and nothing else, empty for a caller without. `undefined` for a caller who shows, or may
 * show, another identity: what the origin grants to that mixture can be remembered for nobody. An `Authorization` that is
 * not ASCII is none: two of them may read the same.
 */
export function callerOf({ headers }: Request): string | undefined {
  for (const name of headers.keys()) {
    if (isOtherIdentity(name)) return undefined;
  }
  const authorization = headers.get('authorization') ?? '';
  return VISIBLE_ASCII.test(authorization) ? authorization : undefined;
}
