import type { Breakage } from '../mutation.ts';

/** "Warm equals cold." */
export const LAW_5: readonly Breakage[] = [
  {
    wrong: 'what the origin said to one caller is repeated to others',
    file: 'src/routes/registry/answer.ts',
    text: "const headers = { ...callerHeaders, ...commonHeaders(ctx, digest, hasRanges), 'Content-Type': mediaType };",
    replacement:
      'const everybody = globalThis as unknown as { said?: CallerHeaders };\n' +
      '  everybody.said = { ...everybody.said, ...callerHeaders };\n' +
      "  const headers = { ...everybody.said, ...commonHeaders(ctx, digest, hasRanges), 'Content-Type': mediaType };",
    caughtBy: 'test/upstream/callerHeaders.test.ts',
  },
  {
    wrong: 'what the origin says to a caller is withheld on a cold answer',
    file: 'src/upstream/askOrigin.ts',
    text: 'const callerHeaders = callerHeadersOf(ctx, upstream, response);',
    replacement: 'const callerHeaders = callerHeadersOf && {};',
    caughtBy: 'test/upstream/callerHeaders.test.ts',
  },
  {
    wrong: 'a cookie of the origin is passed on with content',
    file: 'src/http/headers.ts',
    text: "'server-timing', 'set-cookie', 'surrogate-control'",
    replacement: "'server-timing', 'surrogate-control'",
    caughtBy: 'test/upstream/callerHeaders.test.ts',
  },
  {
    wrong: 'a blob’s media type is what a GET said, perhaps the client’s own Accept',
    file: 'src/upstream/storeFromGet.ts',
    text: 'return mediaType === BLOB_TYPE && !isRepeated && !origin.traits.typesBlobs;',
    replacement: 'return mediaType !== undefined || isRepeated || origin.traits.typesBlobs;',
    caughtBy: 'test/upstream/traits.test.ts',
  },
  {
    wrong: 'a GET replaces the media type that a HEAD told',
    file: 'src/upstream/storeFromGet.ts',
    text: 'const confirmed = { ...entry, descriptor: { ...entry.descriptor, mediaType } };',
    replacement: 'const confirmed = mediaType ? entry : known;',
    caughtBy: 'test/upstream/traits.test.ts',
  },
  {
    wrong: 'the client’s Accept decides what the origin’s HEAD of a blob says',
    file: 'src/origin/client.ts',
    text: "headers.set('accept', '*/*');",
    replacement: '',
    caughtBy: 'test/upstream/traits.test.ts',
  },
  {
    wrong: 'a manifest that only a HEAD told answers a GET',
    file: 'src/upstream/storedManifest.ts',
    text: "return witness !== 'HEAD';",
    replacement: "return witness !== 'HEAD' || true;",
    caughtBy: 'test/routes/registry/manifestTypes.test.ts',
  },
  {
    wrong: 'a manifest answers callers whose Accept does not name its media type',
    file: 'src/upstream/question.ts',
    text: 'return accept === undefined || accepts(accept, descriptor.mediaType);',
    replacement: 'return accept === undefined || accepts(accept, descriptor.mediaType) || true;',
    caughtBy: 'test/routes/registry/manifests.test.ts',
  },
  {
    wrong: 'an entry stays although the origin contradicts its size',
    file: 'src/upstream/storeFromGet.ts',
    text: 'if (entry.descriptor.size === known.descriptor.size) return item.set(ctx, confirmed, known);',
    replacement: 'if (entry.descriptor.size > 0) return false;',
    caughtBy: 'test/routes/registry/blobContent.test.ts',
  },
  {
    wrong: 'a browser’s request is answered from the cache, without the origin’s policy',
    file: 'src/routes/registry/dispatch.ts',
    text: "if (route.kind !== 'base' && isReadMethod(method) && isFromScript(ctx)) return passThrough(ctx, upstream, route);",
    replacement: 'isFromScript(ctx);',
    caughtBy: 'test/routes/registry/browsers.test.ts',
  },
  {
    wrong: 'content from a shared store is served unverified',
    file: 'src/cache/contents.ts',
    text: '(!isShared || (await isContentOf(digest, found.content)))',
    replacement: '(!isShared || (await isContentOf(digest, found.content)) || true)',
    caughtBy: 'test/stores/contents.test.ts',
  },
  {
    wrong: 'content of the origin that does not match its digest is stored',
    file: 'src/origin/manifests.ts',
    text: 'if (content.length !== entry.descriptor.size || !verified.every(Boolean)) {',
    replacement: 'if (content.length !== entry.descriptor.size || verified.length === 0) {',
    caughtBy: 'test/routes/registry/manifests.test.ts',
  },
  {
    wrong: 'a pushed manifest is stored under a digest that its bytes do not have',
    file: 'src/routes/registry/pushManifest.ts',
    text: 'if (!proofs.every(Boolean)) return;',
    replacement: '',
    caughtBy: 'test/routes/registry/pushManifest.test.ts',
  },
  {
    wrong: 'the length of an encoded body is taken for the size',
    file: 'src/origin/confirmation.ts',
    text: "if (size === undefined || headers.has('content-encoding')) return undefined;",
    replacement: 'if (size === undefined) return undefined;',
    caughtBy: 'test/origin/statBlob.test.ts',
  },
  {
    wrong: 'an answer about another blob is stored',
    file: 'src/origin/confirmation.ts',
    text: "const digest = headers.get('docker-content-digest') ?? requested;",
    replacement: 'const digest = requested;',
    caughtBy: 'test/origin/statBlob.test.ts',
  },
  {
    wrong: 'ranges are promised for an origin that was not seen to serve them',
    file: 'src/routes/registry/answer.ts',
    text: "...(hasRanges && { 'Accept-Ranges': 'bytes' }),",
    replacement: "...(hasRanges !== undefined && { 'Accept-Ranges': 'bytes' }),",
    caughtBy: 'test/upstream/traits.test.ts',
  },
  {
    wrong: 'the answer to a redirected HEAD is the redirect',
    file: 'src/origin/redirect.ts',
    text: 'export const MAX_REDIRECTS = 3;',
    replacement: 'export const MAX_REDIRECTS = 0;',
    caughtBy: 'test/origin/statBlob.test.ts',
  },
];
