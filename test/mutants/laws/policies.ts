import type { Breakage } from '../mutation.ts';

/** What operators declare. */
export const POLICIES: readonly Breakage[] = [
  {
    wrong: 'a repository that is denied is served',
    file: 'src/policy/policies.ts',
    text: 'isBroken: (name: string) => denied.matches(name)',
    replacement: 'isBroken: (name: string) => denied.matches(`${name} `)',
    caughtBy: 'test/policy/policies.test.ts',
  },
  {
    wrong: 'what an account is lent for is only reported',
    file: 'src/policy/policies.ts',
    text: "mode === 'enforce' || (policy === 'ALLOW_REPOSITORIES' && isLent);",
    replacement: "mode === 'enforce';",
    caughtBy: 'test/origin/account.test.ts',
  },
  {
    wrong: 'a policy that is only reported refuses',
    file: 'src/policy/policies.ts',
    text: "if (outcome === 'denied') throw",
    replacement: 'throw',
    caughtBy: 'test/policy/policies.test.ts',
  },
  {
    wrong: 'a push moves a tag that never moves',
    file: 'src/upstream/checkTags.ts',
    text: "return (await isContentOf(digest, manifest)) ? 'stays' : 'moves';",
    replacement: "return (await isContentOf(digest, manifest)) || digest ? 'stays' : 'moves';",
    caughtBy: 'test/policy/immutableTags.test.ts',
  },
  {
    wrong: 'a tag that is given with a digest is not looked at',
    file: 'src/routes/registry/pushManifest.ts',
    text: "[reference.text, ...query.getAll('tag')]",
    replacement: '[reference.text, ...(query.size > 0 ? [] : [])]',
    caughtBy: 'test/policy/immutableTags.test.ts',
  },
  {
    wrong: 'a push goes on although nobody can tell where its tag leads',
    file: 'src/upstream/checkTags.ts',
    text: 'if (!response.ok || !isDigest(digest)) throw unknown();',
    replacement: "if (!response.ok || !isDigest(digest)) return 'stays';",
    caughtBy: 'test/policy/immutableTags.test.ts',
  },
  {
    wrong: 'the move of a tag that never moves is followed',
    file: 'src/upstream/askOrigin.ts',
    text: 'const pinned = isProven || isGranted ? await findPinned(repository, question, entry) : undefined;',
    replacement: 'const pinned = isProven && !kind ? await findPinned(repository, question, entry) : undefined;',
    caughtBy: 'test/policy/immutableTags.test.ts',
  },
  {
    wrong: 'a caller is answered with a manifest that it was just told to be absent',
    file: 'src/upstream/pinnedTag.ts',
    text: 'await repository.untilProved();',
    replacement: '',
    caughtBy: 'test/policy/immutableTags.test.ts',
  },
];
