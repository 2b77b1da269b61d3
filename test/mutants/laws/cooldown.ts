import type { Breakage } from '../mutation.ts';

/** Tags that are held back for a time, and what is asked for before clients do. */
export const COOLDOWN: readonly Breakage[] = [
  {
    wrong: 'a time during which a tag led elsewhere counts for the cooldown',
    file: 'src/stores/tagHistory.ts',
    text: 'since: nowMs, lastSeen: nowMs }',
    replacement: 'since: known?.since || nowMs, lastSeen: nowMs }',
    caughtBy: 'test/policy/cooldown.test.ts',
  },
  {
    wrong: 'a late sight sets a tag back',
    file: 'src/stores/tagHistory.ts',
    text: 'if (current && at <= current.lastSeen) return undefined;',
    replacement: 'if (current && at > nowMs) return undefined;',
    caughtBy: 'test/stores/durable/sightings.test.ts',
  },
  {
    wrong: 'the newest digest of a tag is answered before its cooldown is over',
    file: 'src/policy/cooldown.ts',
    text: 'return heldMs >= forMs ||',
    replacement: 'return heldMs >= 0 ||',
    caughtBy: 'test/policy/cooldown.test.ts',
  },
  {
    wrong: 'every digest counts as the first one that a tag led to',
    file: 'src/policy/cooldown.ts',
    text: "(isFirst && unknown === 'pass')",
    replacement: "(isFirst || unknown === 'pass')",
    caughtBy: 'test/policy/cooldown.test.ts',
  },
  {
    wrong: 'a query leads around the cooldown',
    file: 'src/routes/registry/cooled.ts',
    text: 'if (!upstream.ownQueries.has(route.search)) {',
    replacement: 'if (upstream.ownQueries.has(`${route.search}&`)) {',
    caughtBy: 'test/policy/cooldown.test.ts',
  },
  {
    wrong: 'a range leads around the cooldown',
    file: 'src/routes/registry/dispatch.ts',
    text: "if (upstream.cooldown && route.kind === 'manifest' && isReadMethod(method)) {",
    replacement:
      "if (upstream.cooldown && route.kind === 'manifest' && isReadMethod(method) && !ctx.request.headers.has('range')) {",
    caughtBy: 'test/policy/cooldown.test.ts',
  },
  {
    wrong: 'what a client accepts moves a tag in the history',
    file: 'src/upstream/resolveTag.ts',
    text: 'reference, accept: ALL_MANIFESTS }',
    replacement: "reference, accept: repository.ctx.request.headers.get('accept') ?? ALL_MANIFESTS }",
    caughtBy: 'test/policy/cooldown.test.ts',
  },
  {
    wrong: 'without the history everything passes',
    file: 'src/routes/registry/cooled.ts',
    text: "if (unknown === 'pass') return;",
    replacement: 'if (unknown) return;',
    caughtBy: 'test/policy/cooldown.test.ts',
  },
  {
    wrong: 'the bound on the history of a tag forgets what counts',
    file: 'src/stores/durable/sightings.ts',
    text: 'for (const which of [counts, `NOT ${counts}`]) {',
    replacement: "for (const which of ['?2 > 0']) {",
    caughtBy: 'test/stores/durable/sightings.test.ts',
  },
  {
    wrong: 'an object of an earlier version lacks a table',
    file: 'src/stores/durable/object.ts',
    text: 'if (found > 0 && found < TABLES.length) sql.exec(SCHEMA);',
    replacement: '',
    caughtBy: 'test/stores/durable/sightings.test.ts',
  },
  {
    wrong: 'an operator warms what a policy denies',
    file: 'src/upstream/warm/reader.ts',
    text: 'this.#upstream.policies.check(ctx, route, false);',
    replacement: '',
    caughtBy: 'test/routes/admin/warm.test.ts',
  },
  {
    wrong: 'a piece of warming costs more requests than a Worker may send',
    file: 'src/upstream/warm/subrequests.ts',
    text: 'if (most > this.#left && !(isProgress && this.#isFirst)) return false;',
    replacement: 'if (most > this.#left + 200 && !(isProgress && this.#isFirst)) return false;',
    caughtBy: 'test/routes/admin/warm.test.ts',
  },
  {
    wrong: 'warming follows a tag that its cooldown holds back',
    file: 'src/upstream/warm/reader.ts',
    text: "const isCooled = reference.kind === 'tag' && policies.isEnforced('COOLDOWN');",
    replacement: "const isCooled = reference.kind !== 'tag' && policies.isEnforced('COOLDOWN');",
    caughtBy: 'test/routes/admin/warm.test.ts',
  },
];
