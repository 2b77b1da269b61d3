import { mayIdentifyCaller } from '../http/identity.ts';

const VISIBLE_ASCII = /^[ -~]*$/;

/**
 * Returns the caller's name: its `Authorization` header, or the empty string without one. Returns `undefined` if any
 * header may carry a further identity: what the origin grants to such a combination cannot be remembered for anybody.
 * An `Authorization` that is not ASCII also gives `undefined`, because two different ones may decode to the same
 * string.
 */
export function callerOf({ headers }: Request): string | undefined {
  for (const name of headers.keys()) {
    if (mayIdentifyCaller(name)) return undefined;
  }
  const authorization = headers.get('authorization') ?? '';
  return VISIBLE_ASCII.test(authorization) ? authorization : undefined;
}

/** Returns the name of the first header on account of which a caller has no name. */
export function identityHeaderOf({ headers }: Request): string {
  return [...headers.keys()].find(mayIdentifyCaller) ?? 'authorization';
}
