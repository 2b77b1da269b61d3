/** Headers beside `Authorization` by which a caller may be told from another, at the origin or before the edge. */
const OTHER_IDENTITY = /^(?:cookie|x-api-key|x-jfrog-art-api|cf-access-.*|.*-token)$/;

/** Whether a header (its name in lower case) tells who calls, `Authorization` apart. */
export function isOtherIdentity(name: string): boolean {
  return OTHER_IDENTITY.test(name);
}

/**
 * Who calls: the `Authorization` and nothing else, empty for a caller without. `undefined` for a caller who shows another
 * identity: what the origin grants to that mixture can be remembered for nobody.
 */
export function callerOf({ headers }: Request): string | undefined {
  for (const name of headers.keys()) {
    if (isOtherIdentity(name)) return undefined;
  }
  return headers.get('authorization') ?? '';
}
