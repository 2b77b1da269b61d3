import type { Breakage } from '../mutation.ts';

/** The one exception to law 7: an archive mirror. */
export const ARCHIVE: readonly Breakage[] = [
  {
    wrong: 'every mirror keeps what the origin deletes',
    file: 'src/cache/originAnswer.ts',
    text: 'isOriginFailure(status) || (keepsDeleted && status === 404)',
    replacement: 'isOriginFailure(status) || status === 404',
    caughtBy: 'test/upstream/archive.test.ts',
  },
  {
    wrong: 'a 404 evicts from an archive whose bytes could not be looked for',
    file: 'src/cache/originAnswer.ts',
    text: '(status === 404 && !keepsDeleted)',
    replacement: 'status === 404',
    caughtBy: 'test/routes/registry/storedBlobArchive.test.ts',
  },
  {
    wrong: 'an archive follows deletes that events tell',
    file: 'src/upstream/forgetChanges.ts',
    text: "upstream.keepsDeleted ? changes.filter(({ kind }) => kind === 'manifest pushed') : changes",
    replacement: 'changes',
    caughtBy: 'test/upstream/archive.test.ts',
  },
  {
    wrong: 'a HEAD says that a deleted blob exists, without its bytes',
    file: 'src/upstream/archive.ts',
    text: 'standsIn: ({ ctx }, reference) => hasBytes(ctx, bytes, digestIn(reference))',
    replacement: 'standsIn: async () => true',
    caughtBy: 'test/routes/registry/storedBlobArchive.test.ts',
  },
  {
    wrong: 'an archive fills the byte store with blobs that it will not answer',
    file: 'src/routes/registry/askForBlob.ts',
    text: 'if (isMissing && response.status < 400) confirmForArchive',
    replacement: 'if (isMissing && response.status === 404) confirmForArchive',
    caughtBy: 'test/routes/registry/archivedPulls.test.ts',
  },
  {
    wrong: 'in an archive, a time during which the origin had deleted a tag counts for the cooldown',
    file: 'src/upstream/resolveTag.ts',
    text: 'if (isKeptOnly(repository)) await',
    replacement: "if (tag === '') await",
    caughtBy: 'test/policy/cooldownArchive.test.ts',
  },
  {
    wrong: 'an archive forgets where a tag led that the origin has deleted',
    file: 'src/stores/durable/sightings.ts',
    text: 'return this.#ages(terms, tag) ? undefined : history;',
    replacement: 'return history;',
    caughtBy: 'test/policy/cooldownArchive.test.ts',
  },
  {
    wrong: 'a mirror into which somebody may push can be an archive',
    file: 'src/config/archive.ts',
    text: 'if (config.allowsWrites) settings.report',
    replacement: 'if (config.allowsWrites && config.staleIfErrorMs === 0) settings.report',
    caughtBy: 'test/config/archive.test.ts',
  },
];
