import type { Breakage } from '../mutation.ts';

const FIELDS = 'blobs: /^(?:config|layers|blobs|fsLayers)$/iu,';

/** The fields of a manifest whose blobs are confirmed, without one of them. */
function without(field: string): Breakage {
  const others = ['config', 'layers', 'blobs', 'fsLayers'].filter((name) => name !== field);
  return {
    wrong: `a manifest goes on although what it names in \`${field}\` is not confirmed`,
    file: 'src/oci/neededBlobs.ts',
    text: FIELDS,
    replacement: `blobs: /^(?:${others.join('|')})$/iu,`,
    caughtBy: 'test/oci/neededBlobs.test.ts',
  };
}

/** "A push is checked where it commits": the check before a manifest goes to the origin. */
export const LAW_4_CHECK: readonly Breakage[] = [
  ...['config', 'layers', 'blobs', 'fsLayers'].map(without),
  {
    wrong: 'no manifest is checked',
    file: 'src/routes/registry/holdManifest.ts',
    text: 'return ttls.pushStaleMs > 0;',
    replacement: 'return ttls.pushStaleMs < 0;',
    caughtBy: 'test/upstream/checkBlobs.test.ts',
  },
  {
    wrong: 'what is stored counts as confirmed, however old it is',
    file: 'src/upstream/confirmedBlobs.ts',
    text: "return lookup?.outcome === 'hit' && isFresh(lookup.entry, ctx.now(), upstream.ttls.pushExistenceMs);",
    replacement: "return lookup?.outcome === 'hit' && ctx.now() > 0 && upstream.ttls.pushExistenceMs > 0;",
    caughtBy: 'test/upstream/checkBlobs.test.ts',
  },
  {
    wrong: 'an upload counts although the blob was deleted after it, through another isolate',
    file: 'src/upstream/confirmedBlobs.ts',
    text: 'return uploadedAt !== undefined && isAlive(uploadedAt, clearedUntil);',
    replacement: 'return uploadedAt !== undefined && clearedUntil >= 0;',
    caughtBy: 'test/upstream/checkBlobs.test.ts',
    title: '^with two isolates',
  },
  {
    wrong: 'an upload counts although the blob was deleted after it, through this isolate',
    file: 'src/upstream/forget.ts',
    text: 'if (digests.size > 0) upstream.recentUploads.drop(name);',
    replacement: '',
    caughtBy: 'test/upstream/checkBlobsOrigin.test.ts',
  },
  {
    wrong: 'another caller’s upload counts for one without a grant',
    file: 'src/isolate/recentUploads.ts',
    text: 'return isGranted || upload.caller === ctx.caller ? upload.sentAt : undefined;',
    replacement: 'return isGranted || upload ? upload.sentAt : undefined;',
    caughtBy: 'test/upstream/checkBlobsOrigin.test.ts',
  },
  {
    wrong: 'what is gone is not evicted, and the next HEAD says “exists” again',
    file: 'src/upstream/checkBlobs.ts',
    text: 'await evictGone(repository, gone);',
    replacement: '',
    caughtBy: 'test/upstream/checkBlobs.test.ts',
  },
  {
    wrong: 'a manifest goes on although the origin says that a blob is gone',
    file: 'src/upstream/checkBlobs.ts',
    text: "throw new RegistryError('MANIFEST_BLOB_UNKNOWN', { details: gone.map(({ digest }) => digest) });",
    replacement: '',
    caughtBy: 'test/upstream/checkBlobs.test.ts',
  },
  {
    wrong: 'a blob is gone where the origin only does not tell',
    file: 'src/upstream/askBlob.ts',
    text: "if (!isNotFound(response) && !isLost) return { kind: 'undecided' };",
    replacement: "if (isNotFound(response) && isFromCache(response)) return { kind: 'undecided' };",
    caughtBy: 'test/upstream/checkBlobsOrigin.test.ts',
  },
  {
    wrong: 'a manifest is refused for a blob that may be absent by right',
    file: 'src/oci/neededBlobs.ts',
    text: 'if (isDigest(digest) && !mayBeAbsent(descriptor)) ',
    replacement: 'if (isDigest(digest)) ',
    caughtBy: 'test/oci/neededBlobs.test.ts',
  },
  {
    wrong: 'an index is refused for a child that is absent',
    file: 'src/oci/neededBlobs.ts',
    text: '.filter((child) => BLOB_TYPES.test(textOf(child, FIELDS.mediaType)));',
    replacement: ';',
    caughtBy: 'test/oci/neededBlobs.test.ts',
  },
  {
    wrong: 'a confirmation that became too old during the questions counts',
    file: 'src/upstream/checkBlobs.ts',
    text: 'for (let open = findOpen(); open.length > 0; open = findOpen()) {',
    replacement: 'for (let open = findOpen(); open.length > 0; open = []) {',
    caughtBy: 'test/upstream/checkBlobs.test.ts',
  },
];
