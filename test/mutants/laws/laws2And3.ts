import type { Breakage } from '../mutation.ts';

/** "Only yes is cached." */
export const LAW_2: readonly Breakage[] = [
  {
    wrong: 'followers of a question without a 200 are answered 404',
    file: 'src/isolate/singleFlight.ts',
    text: 'if (!shared) return answered(await lead.ask());',
    replacement:
      "const response = new Response(null, { status: 404 });\n        if (!shared) return answered({ kind: 'relay', response, sentAtMs: nowMs } as A);",
    caughtBy: 'test/isolate/singleFlight.test.ts',
  },
  {
    wrong: 'a 404 that was noted answers the same caller again',
    file: 'src/upstream/read.ts',
    text: 'const result = await askThrough(ctx, storedItem, () => ask(undefined));',
    replacement:
      'const noted = upstream.absences.list(ctx, repository.name, question.kind.links);\n' +
      "  if (noted.some(({ digest }) => digest === question.reference.text)) return { answer: { kind: 'relay', response: new Response(null, { status: 404 }), sentAtMs: sentAt } };\n" +
      '  const result = await askThrough(ctx, storedItem, () => ask(undefined));',
    caughtBy: 'test/upstream/absences.test.ts',
  },
  {
    wrong: 'a 404 leaves the entry as it is',
    file: 'src/cache/learn.ts',
    text: 'if (!isProvocable && isDenied(answer, askedAs, keepsDeleted)) {',
    replacement: 'if (!isProvocable && isDenied(answer, askedAs, keepsDeleted) && !found) {',
    caughtBy: 'test/routes/registry/blobs.test.ts',
  },
  {
    wrong: 'a 404 to a GET of a blob leaves the entry as it is',
    file: 'src/routes/registry/askForBlob.ts',
    text: 'else if (!isProvocable && retentionMs(upstream.ttls) > 0)',
    replacement: 'else if (!isProvocable && retentionMs(upstream.ttls) < 0)',
    caughtBy: 'test/routes/registry/blobContent.test.ts',
  },
  {
    wrong: 'a caller’s earlier 404 is not carried out before its proof counts',
    file: 'src/upstream/recordAccess.ts',
    text: 'if (links && absences.list(ctx, name, links).length > 0) {',
    replacement: 'if (links && absences.list(ctx, name, links).length > 1_000) {',
    caughtBy: 'test/upstream/absences.test.ts',
  },
  {
    wrong: 'any refusal of the origin counts as “not found”',
    file: 'src/cache/originAnswer.ts',
    text: "return (status === 404 && !keepsDeleted) || (askedAs === 'nobody' && (status === 401 || status === 403));",
    replacement: "return (status === 404 && !keepsDeleted) || askedAs === 'nobody' || status >= 400;",
    caughtBy: 'test/upstream/staleWhileRevalidate.test.ts',
  },
  {
    wrong: 'a 404 that one caller of an open mirror provoked evicts for all',
    file: 'src/upstream/read.ts',
    text: "isProvocable: askedAs === 'nobody' && hasUncommonAccept(question),",
    replacement: 'isProvocable: false,',
    caughtBy: 'test/upstream/provoked.test.ts',
  },
  {
    wrong: 'a stale answer stands in for the origin’s refusal',
    file: 'src/cache/originAnswer.ts',
    text: 'return isOriginFailure(status) || (keepsDeleted && status === 404)',
    replacement: 'return status >= 400',
    caughtBy: 'test/upstream/staleIfError.test.ts',
  },
  {
    wrong: 'a stale answer stands in for a blob',
    file: 'src/upstream/question.ts',
    text: 'const staleMs = mayPush || !question.kind.answersWhileFailing ? 0 : upstream.ttls.staleMs;',
    replacement: 'const staleMs = mayPush ? 0 : upstream.ttls.staleMs;',
    caughtBy: 'test/upstream/staleIfError.test.ts',
  },
];

/** "A fault is not a miss." */
export const LAW_3: readonly Breakage[] = [
  {
    wrong: 'the origin’s answer is written back after a fault of the store',
    file: 'src/cache/lookup.ts',
    text: "return found?.outcome === 'fault' && !found.isMalformed;",
    replacement: "return found?.outcome === 'fault' && found.isMalformed && false;",
    caughtBy: 'test/cache/readThrough.test.ts',
  },
  {
    wrong: 'a fault of the store is reported as a miss',
    file: 'src/cache/lookup.ts',
    text: "return { outcome: 'fault', isMalformed: fault instanceof BadRecord };",
    replacement: "return { outcome: 'miss', clearedUntil: 0 };",
    caughtBy: 'test/cache/readThrough.test.ts',
  },
  {
    wrong: 'the check of a manifest takes a fault of the store as “nothing is stored”',
    file: 'src/cache/lookup.ts',
    text: "return new Map(digests.map((digest) => [digest, { outcome: 'fault', isMalformed: false }]));",
    replacement: "return new Map(digests.map((digest) => [digest, { outcome: 'miss', clearedUntil: 0 }]));",
    caughtBy: 'test/upstream/checkBlobsOrigin.test.ts',
  },
  {
    wrong: 'what is no reply of Redis is taken as “all absent”',
    file: 'src/stores/redis/replies.ts',
    text: "throw new TypeError('invalid reply: expected a list of strings');",
    replacement: 'return Array<null>(count).fill(null);',
    caughtBy: 'test/stores/redis/replies.test.ts',
  },
  {
    wrong: 'a broken store holds up clears, too',
    file: 'src/cache/guarded.ts',
    text: 'stat: (ctx, digest) => breaker(ctx, () => service.stat(ctx, digest)),',
    replacement:
      'stat: (ctx, digest) => breaker(ctx, () => service.stat(ctx, digest)),\n' +
      '    clear: (ctx, digest, ms) => breaker(ctx, () => service.clear(ctx, digest, ms)),',
    caughtBy: 'test/cache/guarded.test.ts',
  },
  {
    wrong: 'a slow store is waited for',
    file: 'src/cache/readThrough.ts',
    text: 'const found = await within(looking, options.cacheTimeoutMs);',
    replacement: 'const found = await looking;',
    caughtBy: 'test/upstream/afterReply.test.ts',
  },
  {
    wrong: 'a bad record counts against the store',
    file: 'src/cache/guarded.ts',
    text: 'if (counts && fault instanceof CacheFault && !(fault instanceof BadRecord)) noteFault(ctx);',
    replacement: 'if (counts && fault instanceof CacheFault) noteFault(ctx);',
    caughtBy: 'test/cache/guarded.test.ts',
  },
];
