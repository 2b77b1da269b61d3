import type { Breakage } from '../mutation.ts';

/** "A push asks harder than a pull": what answers a HEAD of a caller that may push. */
export const LAW_4_WINDOWS: readonly Breakage[] = [
  {
    wrong: 'an isolate’s memory answers callers that may push',
    file: 'src/upstream/repository.ts',
    text: 'return this.#mayPush ? this.upstream.shared : this.upstream.descriptors;',
    replacement: 'return this.upstream.descriptors;',
    caughtBy: 'test/routes/registry/blobs.test.ts',
  },
  {
    wrong: 'an old confirmation answers a push without a question',
    file: 'src/upstream/repository.ts',
    text: 'return this.#mayPush ? ttls.pushExistenceMs : ttls.descriptorMs;',
    replacement: 'return this.#mayPush ? ttls.pushExistenceMs + ttls.pushStaleMs : ttls.descriptorMs;',
    caughtBy: 'test/upstream/staleWhileRevalidate.test.ts',
  },
  {
    wrong: 'a stale answer is given past PUSH_STALE_WHILE_REVALIDATE',
    file: 'src/cache/readThrough.ts',
    text: 'confirmedWithin(found, options.windowMs + options.revalidateMs)',
    replacement: 'confirmedWithin(found, Number.POSITIVE_INFINITY)',
    caughtBy: 'test/upstream/staleWhileRevalidate.test.ts',
  },
  {
    wrong: 'a stale answer is given, and the origin is not asked after the reply',
    file: 'src/cache/readThrough.ts',
    text: 'const refreshed = options.ask(found).then(async (answer) => {',
    replacement: "const refreshed = Promise.reject<OriginAnswer<E>>(new Error('not asked')).then(async (answer) => {",
    caughtBy: 'test/upstream/staleWhileRevalidate.test.ts',
  },
  {
    wrong: 'manifests are answered past PUSH_EXISTENCE_TTL to callers that may push',
    file: 'src/upstream/question.ts',
    text: "const revalidateMs = mayPush && question.kind.answers === 'HEAD blobs' ? upstream.ttls.pushStaleMs : 0;",
    replacement: 'const revalidateMs = mayPush ? upstream.ttls.pushStaleMs : 0;',
    caughtBy: 'test/upstream/staleWhileRevalidate.test.ts',
  },
  {
    wrong: 'PUSH_EXISTENCE_TTL=0 does not turn PUSH_STALE_WHILE_REVALIDATE off',
    file: 'src/assemble.ts',
    text: 'pushStaleMs: allowsWrites && config.pushExistenceTtlMs > 0 ? config.pushStaleMs : 0,',
    replacement: 'pushStaleMs: allowsWrites ? config.pushStaleMs : 0,',
    caughtBy: 'test/upstream/checkBlobsOrigin.test.ts',
  },
];
