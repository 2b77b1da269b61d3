import type { Breakage } from '../mutation.ts';

/** "A push is checked where it commits": refused manifests, and what uploads prove. */
export const LAW_4_HEAL: readonly Breakage[] = [
  {
    wrong: 'a refused manifest evicts nothing',
    file: 'src/routes/registry/pushManifest.ts',
    text: 'isAccepted ? response : await heal(repository, { reference, refusal: response, copy })',
    replacement: 'isAccepted || !heal ? response : new Response(response.body, response)',
    caughtBy: 'test/upstream/heal.test.ts',
  },
  {
    wrong: 'a refusal that concerns the caller evicts what the manifest names',
    file: 'src/upstream/refusal.ts',
    text: 'const CALLER_STATUSES = new Set([401, 403, 429]);',
    replacement: 'const CALLER_STATUSES = new Set<number>();',
    caughtBy: 'test/upstream/healRefusals.test.ts',
  },
  {
    wrong: 'only some refusals evict what the manifest names',
    file: 'src/upstream/refusal.ts',
    text: 'return status >= 400 && !CALLER_STATUSES.has(status);',
    replacement: 'return status >= 400 && status < 500 && !CALLER_STATUSES.has(status);',
    caughtBy: 'test/upstream/healRefusals.test.ts',
  },
  {
    wrong: 'the refusal reaches the client before the eviction is over',
    file: 'src/upstream/heal.ts',
    text: 'await evicted;',
    replacement: '',
    caughtBy: 'test/upstream/heal.test.ts',
    title: '^a slow Redis',
  },
  {
    wrong: 'a refused manifest evicts what it names as blobs, and not as manifests',
    file: 'src/upstream/forget.ts',
    text: 'const evictIn = async (links: LinkSet) => {',
    replacement: "const evictIn = async (links: LinkSet) => {\n    if (links === 'manifests') return;",
    caughtBy: 'test/upstream/heal.test.ts',
  },
  {
    wrong: 'a refused manifest evicts what it names, and not what the refusal names',
    file: 'src/upstream/heal.ts',
    text: 'const suspects = inRefusal.union(own).union(inManifest);',
    replacement: 'const suspects = own.union(inManifest);',
    caughtBy: 'test/upstream/heal.test.ts',
  },
  {
    wrong: 'a refused manifest leaves its own entry',
    file: 'src/upstream/heal.ts',
    text: 'const suspects = inRefusal.union(own).union(inManifest);',
    replacement: 'const suspects = inRefusal.union(inManifest);',
    caughtBy: 'test/upstream/heal.test.ts',
  },
  {
    wrong: 'the hash of a PATCH is used although the origin refused the PATCH',
    file: 'src/routes/registry/uploads.ts',
    text: 'if (status !== (expected ? 201 : 202)) return;',
    replacement: 'if (expected && status !== 201) return;',
    caughtBy: 'test/routes/registry/uploadsHashed.test.ts',
  },
  {
    wrong: 'an upload is believed wherever its Location points',
    file: 'src/upstream/storeUploaded.ts',
    text: 'return isCanonical && pointsTo(blobPath(name, digest), ctx.target, upstream.origin.url, headers);',
    replacement:
      'return isCanonical && (pointsTo(blobPath(name, digest), ctx.target, upstream.origin.url, headers) || true);',
    caughtBy: 'test/routes/registry/uploadsConfirmed.test.ts',
  },
  {
    wrong: 'an upload is believed under a digest that the origin does not name',
    file: 'src/upstream/storeUploaded.ts',
    text: "const isCanonical = (headers.get('docker-content-digest') ?? digest) === digest;",
    replacement: 'const isCanonical = true;',
    caughtBy: 'test/routes/registry/uploadsConfirmed.test.ts',
  },
  {
    wrong: 'the last piece of an upload is taken for the whole blob',
    file: 'src/upstream/storeUploaded.ts',
    text: 'content?.digest === blob.digest ? content.size :',
    replacement: 'content ? content.size :',
    caughtBy: 'test/routes/registry/uploadsHashed.test.ts',
  },
];
