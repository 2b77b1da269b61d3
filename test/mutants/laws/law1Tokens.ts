import type { Breakage } from '../mutation.ts';

/** "Access first": tokens that the edge verifies itself. */
export const LAW_1_TOKENS: readonly Breakage[] = [
  {
    wrong: 'a token for another service is a proof',
    file: 'src/http/jwt.ts',
    text: '...{ issuer, audience, algorithms: ALGORITHMS',
    replacement: '...{ issuer, algorithms: ALGORITHMS',
    caughtBy: 'test/access/tokens.test.ts',
  },
  {
    wrong: 'a token of another issuer is a proof',
    file: 'src/http/jwt.ts',
    text: '...{ issuer, audience, algorithms: ALGORITHMS',
    replacement: '...{ audience, algorithms: ALGORITHMS',
    caughtBy: 'test/access/tokens.test.ts',
  },
  {
    wrong: 'a token that has expired is a proof',
    file: 'src/http/jwt.ts',
    text: 'currentDate: new Date(nowMs)',
    replacement: 'currentDate: new Date(Math.min(nowMs, 0))',
    caughtBy: 'test/access/tokens.test.ts',
  },
  {
    wrong: 'a signature is not verified',
    file: 'src/access/verifyToken.ts',
    text: 'if (claims) return claims;',
    replacement: 'if (claims ?? parseJwt(token)) return claims ?? (parseJwt(token)?.claims as typeof claims);',
    caughtBy: 'test/access/tokens.test.ts',
  },
  {
    wrong: 'a token of one repository is a proof in every other',
    file: 'src/access/tokenAuthorizer.ts',
    text: 'if (verified.pulls.has(name) && !isRefused(ctx, name)) return granted;',
    replacement: 'if (!isRefused(ctx, name)) return granted;',
    caughtBy: 'test/access/tokens.test.ts',
  },
  {
    wrong: 'a token is a proof where the origin has just refused it',
    file: 'src/access/tokenAuthorizer.ts',
    text: 'if (verified.pulls.has(name) && !isRefused(ctx, name)) return granted;',
    replacement: 'if (verified.pulls.has(name)) return granted;',
    caughtBy: 'test/access/tokens.test.ts',
  },
  {
    wrong: 'a token that grants only a push proves a pull',
    file: 'src/access/tokenVerifier.ts',
    text: "Array.isArray(actions) && (actions.includes('pull') || actions.includes('*'))",
    replacement: 'Array.isArray(actions)',
    caughtBy: 'test/access/tokens.test.ts',
  },
  {
    wrong: 'a key set with a secret in it is accepted',
    file: 'src/http/keySet.ts',
    text: "typeof kty === 'string' && SECRET_MEMBERS.every((member) => members[member] === undefined)",
    replacement: "typeof kty === 'string' && members !== undefined",
    caughtBy: 'test/config/config.test.ts',
  },
  {
    wrong: 'a grant of one upstream holds in another',
    file: 'src/assemble.ts',
    text: 'const memory = isolate.memory.ofUpstream(alias);',
    replacement: 'const { memory } = isolate;',
    caughtBy: 'test/assemble.test.ts',
  },
];
