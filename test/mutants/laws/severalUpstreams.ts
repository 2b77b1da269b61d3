import type { Breakage } from '../mutation.ts';

/** Several upstreams: nothing is shared, and nobody is asked for what is not theirs. */
export const SEVERAL_UPSTREAMS: readonly Breakage[] = [
  {
    wrong: 'what no upstream is chosen for goes to the first one',
    file: 'src/http/choice.ts',
    text: "return ofHost || others ? 'shared' : undefined;",
    replacement: 'return { upstream: upstreams[0] as U };',
    caughtBy: 'test/routes/upstreams.test.ts',
  },
  {
    wrong: 'a prefix chooses an upstream that has a host of its own for somebody else',
    file: 'src/http/choice.ts',
    text: 'const chosen = (ofHost && among(ofHost, target)) ?? (others && among(others, target));',
    replacement: 'const chosen = (others && among(others, target)) ?? (ofHost && among(ofHost, target));',
    caughtBy: 'test/http/choice.test.ts',
  },
  {
    wrong: 'an upstream chosen by a prefix or by ?ns= gets passwords',
    file: 'src/config/choices.ts',
    text: "if (withinHost.length > 0 && clientAuth === 'origin') {",
    replacement: "if (withinHost.length > 9 && clientAuth === 'origin') {",
    caughtBy: 'test/config/upstreams.test.ts',
  },
  {
    wrong: "an upstream trusts the tokens of another one's issuer",
    file: 'src/config/upstream.ts',
    text: 'const INHERITED_VARIABLES = [\n',
    replacement: 'const INHERITED_VARIABLES = [\n  ...TOKEN_VARIABLES,\n',
    caughtBy: 'test/config/upstreams.test.ts',
  },
  {
    wrong: 'upstreams share the memory of an isolate',
    file: 'src/assemble.ts',
    text: 'const memory = isolate.memory.ofUpstream(alias);',
    replacement: 'const { memory } = isolate;',
    caughtBy: 'test/assemble.test.ts',
  },
  {
    wrong: 'upstreams share absences',
    file: 'src/assemble.ts',
    text: 'const absences = isolate.absences.ofUpstream(alias);',
    replacement: 'const { absences } = isolate;',
    caughtBy: 'test/assemble.test.ts',
  },
  {
    wrong: 'upstreams share the keys of Redis',
    file: 'src/stores/redis/backend.ts',
    text: 'const keys = createKeys(upstreamPrefix(alias));',
    replacement: "const keys = createKeys(upstreamPrefix(alias && ''));",
    caughtBy: 'test/assemble.test.ts',
  },
  {
    wrong: 'upstreams share the keys of KV',
    file: 'src/stores/kv/backend.ts',
    text: 'const prefix = upstreamPrefix(options.alias);',
    replacement: "const prefix = upstreamPrefix(options.alias && '');",
    caughtBy: 'test/assemble.test.ts',
  },
  {
    wrong: 'upstreams with one origin share Durable Objects',
    file: 'src/stores/durable/backend.ts',
    text: '`${upstreamPrefix(alias)}${origin} `',
    replacement: "`${upstreamPrefix(alias && '')}${origin} `",
    caughtBy: 'test/assemble.test.ts',
  },
  {
    wrong: 'a purge is of whatever upstream is first',
    file: 'src/routes/admin/guard.ts',
    text: "upstreams.named(aliases[0] ?? '');",
    replacement: "upstreams.named(aliases[0] && (upstreams.aliases[0] ?? ''));",
    caughtBy: 'test/routes/upstreams.test.ts',
  },
  {
    wrong: 'the origin gets the password that a request for a token has',
    file: 'src/origin/edgeRealm.ts',
    text: "{ method: 'GET', onlyHeaders: [], signal: ctx.signal }",
    replacement: "{ method: 'GET', signal: ctx.signal }",
    caughtBy: 'test/origin/edgeRealm.test.ts',
  },
  {
    wrong: 'a token server may send a password on',
    file: 'src/origin/edgeRealm.ts',
    text: "redirect: 'manual', cache: 'no-store', signal: AbortSignal.timeout(timeoutMs)",
    replacement: "redirect: 'follow', cache: 'no-store', signal: AbortSignal.timeout(timeoutMs)",
    caughtBy: 'test/origin/edgeRealm.test.ts',
  },
];
