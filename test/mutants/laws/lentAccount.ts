import type { Breakage } from '../mutation.ts';

/** Whoever lends rights must judge: the edge's own account. */
export const LENT_ACCOUNT: readonly Breakage[] = [
  {
    wrong: 'a pattern that matches everything may be lent for',
    file: 'src/config/account.ts',
    text: "else if (allowed.isUnbounded && lentFor === 'all') {",
    replacement: "else if (allowed.isUnbounded && lentFor !== 'all') {",
    caughtBy: 'test/config/account.test.ts',
  },
  {
    wrong: 'an account is lent where callers have accounts of their own',
    file: 'src/config/account.ts',
    text: "if (clientAuth === 'origin') {",
    replacement: 'if (clientAuth === undefined) {',
    caughtBy: 'test/config/account.test.ts',
  },
  {
    wrong: 'repositories that are not allowed are asked for',
    file: 'src/policy/policies.ts',
    text: 'isBroken: (name: string) => !allowed.matches(name)',
    replacement: "isBroken: (name: string) => !allowed.matches(name) && name === ''",
    caughtBy: 'test/origin/account.test.ts',
  },
  {
    wrong: 'a blob is mounted from a repository that is not allowed',
    file: 'src/routes/registry/allowed.ts',
    text: "return policies.bounds === 'enforce' ? withoutForeignMount(route, { matches: () => !isLeftOut }) : route;",
    replacement: 'return isLeftOut ? route : route;',
    caughtBy: 'test/origin/account.test.ts',
  },
  {
    wrong: 'an account is lent on routes outside of the specification',
    file: 'src/routes/registry/allowed.ts',
    text: "if (lendsAccount && !users && !LENT_ROUTES.includes(route.kind)) throw new RegistryError('NAME_UNKNOWN');",
    replacement: '',
    caughtBy: 'test/origin/account.test.ts',
  },
  {
    wrong: 'LEND_ACCOUNT=public lends what nobody is shown',
    file: 'src/origin/publicOnly.ts',
    text: 'if (seen.response.status >= 400) return',
    replacement: 'if (seen.response.status >= 600) return',
    caughtBy: 'test/origin/account.test.ts',
  },
  {
    wrong: 'what was confirmed with one account counts for another one',
    file: 'src/oci/alias.ts',
    text: 'return upstreamPrefix(alias) + ofAccount;',
    replacement: "return upstreamPrefix(alias) + ofAccount.replace(/^.*$/, '');",
    caughtBy: 'test/origin/account.test.ts',
  },
  {
    wrong: 'the refusal of an account is relayed with its challenge',
    file: 'src/origin/login.ts',
    text: 'if (other === authorization) throw accountRefused(ctx);',
    replacement: 'if (other === authorization) return first;',
    caughtBy: 'test/origin/account.test.ts',
  },
  {
    wrong: 'what an account confirmed is shown where it is lent for public content only',
    file: 'src/oci/alias.ts',
    text: "const kind = account?.lentFor === 'public' ? 'public-account' : 'account';",
    replacement: "const kind = 'account';",
    caughtBy: 'test/origin/account.test.ts',
  },
  {
    wrong: 'LEND_ACCOUNT=public lends where nobody is redirected to a sign-on',
    file: 'src/origin/publicOnly.ts',
    text: 'if (seen.status >= 300 && !(isRedirect(seen) && placeOf(answer) === placeOf(seen))) return false;',
    replacement: 'if (isRedirect(seen) && !placeOf(seen)) return false;',
    caughtBy: 'test/origin/account.test.ts',
  },
  {
    wrong: 'LEND_ACCOUNT=public lends where nobody is shown a page',
    file: 'src/origin/publicOnly.ts',
    text: 'if (isPage(seen.response)) return',
    replacement: 'if (isPage(seen.response) && seen.response.status >= 400) return',
    caughtBy: 'test/origin/account.test.ts',
  },
  {
    wrong: 'callers get the cookies of an account',
    file: 'src/origin/withoutChallenge.ts',
    text: "const FOR_THE_EDGE = ['www-authenticate', 'set-cookie', 'set-cookie2'];",
    replacement: "const FOR_THE_EDGE = ['www-authenticate'];",
    caughtBy: 'test/origin/account.test.ts',
  },
];
