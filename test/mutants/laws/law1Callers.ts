import type { Breakage } from '../mutation.ts';

/** "Access first": what callers without a proof may cause and learn. */
export const LAW_1_CALLERS: readonly Breakage[] = [
  {
    wrong: 'an upload proves that its caller may read',
    file: 'src/upstream/storeUploaded.ts',
    text: 'if (exists) upstream.recentUploads.add(ctx, name, blob.digest);',
    replacement:
      "upstream.authorizer.recordProof(ctx, name, 'HEAD blobs');\n" +
      'if (exists) upstream.recentUploads.add(ctx, name, blob.digest);',
    caughtBy: 'test/routes/registry/uploads.test.ts',
  },
  {
    wrong: 'a mount takes the size from a repository where the caller has no grant',
    file: 'src/upstream/storeUploaded.ts',
    text: 'if (!there?.isGranted) return void noteExistence(repository, blob);',
    replacement: 'if (!there) return void noteExistence(repository, blob);',
    caughtBy: 'test/routes/registry/mounts.test.ts',
  },
  {
    wrong: 'the check of a manifest looks up what is stored for a caller without a grant',
    file: 'src/upstream/confirmedBlobs.ts',
    text: 'if (!repository.isGranted) return { blobs: undefined, manifests: undefined };',
    replacement: '',
    caughtBy: 'test/upstream/checkBlobsOrigin.test.ts',
  },
  {
    wrong: 'a refusal says what the cache decided',
    file: 'src/telemetry/headers.ts',
    text: 'if (status === 401 || status === 403 || (status >= 400 && !isGranted(events))) return headers;',
    replacement: '',
    caughtBy: 'test/upstream/access.test.ts',
  },
  {
    wrong: 'a stranger’s refused manifest evicts what it names',
    file: 'src/upstream/heal.ts',
    text: 'if (await probeReadAccess(repository, evidence)) {',
    replacement: 'if ((await probeReadAccess(repository, evidence)) || true) {',
    caughtBy: 'test/upstream/healCallers.test.ts',
  },
  {
    wrong: 'a stranger’s 404 evicts the entry',
    file: 'src/upstream/evictAbsences.ts',
    text: 'if (await repository.hasGrant(`HEAD ${links}`)) ctx.waitUntil(',
    replacement: 'if (links) ctx.waitUntil(',
    caughtBy: 'test/upstream/absences.test.ts',
  },
  {
    wrong: 'a stranger’s manifest evicts the blobs that the origin does not show to it',
    file: 'src/upstream/checkBlobs.ts',
    text: "if (!(await repository.hasGrant('HEAD blobs'))) {",
    replacement: 'if (ctx.caller === undefined) {',
    caughtBy: 'test/upstream/checkBlobsOrigin.test.ts',
  },
  {
    wrong: 'a stranger’s DELETE writes a tombstone',
    file: 'src/routes/registry/deletes.ts',
    text: 'const isMarked = isGranted && !probed.isAbsent && !isAnonymous;',
    replacement: 'const isMarked = !probed.isAbsent && !isAnonymous;',
    caughtBy: 'test/routes/registry/deletes.test.ts',
  },
  {
    wrong: 'a tag that was just pushed tells a caller without a grant which manifest is stored',
    file: 'src/upstream/manifestContent.ts',
    text: "reference.kind === 'tag' && isGranted ?",
    replacement: "reference.kind === 'tag' && (isGranted || true) ?",
    caughtBy: 'test/upstream/pushedTags.test.ts',
  },
  {
    wrong: 'an open mirror answers what was confirmed to a caller only, in memory and objects',
    file: 'src/stores/durable/entryRow.ts',
    text: "return askedAs === 'nobody' ? 'open' : 'verified';",
    replacement: "return askedAs ? 'verified' : 'open';",
    caughtBy: 'test/stores/open.test.ts',
  },
  {
    wrong: 'an open mirror answers what was confirmed to a caller only, in Redis',
    file: 'src/stores/redis/backend.ts',
    text: "askedAs === 'nobody' ? 'open' : 'verified'",
    replacement: "askedAs ? 'verified' : 'open'",
    caughtBy: 'test/stores/open.test.ts',
  },
  {
    wrong: 'an open mirror answers what was confirmed to a caller only, in KV',
    file: 'src/stores/kv/descriptors.ts',
    text: "askedAs === 'nobody' ? 'open::' : ''",
    replacement: "askedAs ? '' : 'open::'",
    caughtBy: 'test/stores/open.test.ts',
  },
  {
    wrong: 'a repository sees the entries of another, in memory',
    file: 'src/stores/memory/descriptors.ts',
    text: '`${links} ${scope} ${digest}`',
    replacement: '`${links} ${scope === GLOBAL ? scope : 1} ${digest}`',
    caughtBy: 'test/stores/descriptors.test.ts',
  },
  {
    wrong: 'the paths for operators need no token',
    file: 'src/routes/admin/guard.ts',
    text: "if (!isOpen) throw new RegistryError('UNAUTHORIZED');",
    replacement: '',
    caughtBy: 'test/routes/admin/purge.test.ts',
  },
  {
    wrong: 'a query that may ask for something else is answered from the cache',
    file: 'src/routes/registry/dispatch.ts',
    text: 'const isOwn = upstream.ownQueries.has(route.search);',
    replacement: 'const isOwn = true;',
    caughtBy: 'test/routes/registry/blobs.test.ts',
  },
];
