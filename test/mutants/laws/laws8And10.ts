import type { Breakage } from '../mutation.ts';

/** "HEAD answers 200 or 404." */
export const LAW_8: readonly Breakage[] = [
  {
    wrong: 'HEAD is answered 405',
    file: 'src/http/methods.ts',
    text: "const METHODS = ['GET', 'HEAD', 'POST',",
    replacement: "const METHODS = ['GET', 'POST',",
    caughtBy: 'test/routes/registry/blobs.test.ts',
  },
  {
    wrong: 'a fault of the store is an error for the client',
    file: 'src/cache/lookup.ts',
    text: "return { outcome: 'fault', isMalformed: fault instanceof BadRecord };",
    replacement: 'throw fault;',
    caughtBy: 'test/cache/readThrough.test.ts',
  },
  {
    wrong: 'storage that cannot be reached is a 502, although the origin has answered',
    file: 'src/origin/statBlob.ts',
    text: "if (error instanceof RegistryError && error.code === 'ORIGIN_UNREACHABLE') return undefined;",
    replacement: '',
    caughtBy: 'test/origin/statBlob.test.ts',
  },
  {
    wrong: 'a 405 of an origin without HEAD is relayed, and no GET is tried',
    file: 'src/origin/statBlob.ts',
    text: 'const lacksMethod = response.status === 405 || response.status === 501;',
    replacement: 'const lacksMethod = false;',
    caughtBy: 'test/origin/statBlob.test.ts',
  },
  {
    wrong: 'an error in answer to a HEAD has a body',
    file: 'src/app.ts',
    text: "ctx.method === 'HEAD' ? null : error.toBody()",
    replacement: 'error.toBody()',
    caughtBy: 'test/app.test.ts',
  },
];

/** "Asking the origin means asking the origin." */
export const LAW_10: readonly Breakage[] = [
  {
    wrong: 'the platform’s cache may answer for the origin',
    file: 'src/origin/exchange.ts',
    text: "cache: 'no-store',",
    replacement: '',
    caughtBy: 'test/origin/exchange.test.ts',
  },
  {
    wrong: 'the platform’s cache may answer for the keys of tokens',
    file: 'src/access/fetchDocument.ts',
    text: "cache: 'no-store',",
    replacement: '',
    caughtBy: 'test/access/tokens.test.ts',
  },
  {
    wrong: 'an answer with an Age confirms',
    file: 'src/origin/confirmation.ts',
    text: "(headers.get('age') ?? '0').trim() !== '0' ||",
    replacement: '',
    caughtBy: 'test/upstream/secondHand.test.ts',
  },
  {
    wrong: 'an answer of Cloudflare’s cache confirms',
    file: 'src/origin/confirmation.ts',
    text: "CLOUDFLARE_CACHE.test(headers.get('cf-cache-status') ?? '') ||",
    replacement: '',
    caughtBy: 'test/upstream/secondHand.test.ts',
  },
  {
    wrong: 'a hit of another edge confirms',
    file: 'src/origin/confirmation.ts',
    text: "CACHE_HIT.test(headers.get('cache-status') ?? '')",
    replacement: 'false',
    caughtBy: 'test/upstream/secondHand.test.ts',
  },
  {
    wrong: 'the page of a sign-on confirms',
    file: 'src/origin/confirmation.ts',
    text: 'return !isFromCache(response) && (isRedirect(response) || !isPage(response));',
    replacement: 'return !isFromCache(response) && (isRedirect(response) || response.status > 0);',
    caughtBy: 'test/upstream/secondHand.test.ts',
  },
  {
    wrong: 'an answer of a cache on the way proves access',
    file: 'src/upstream/recordAccess.ts',
    text: '&& isFirstHand(response));',
    replacement: '&& (isFirstHand(response) || true));',
    caughtBy: 'test/upstream/secondHand.test.ts',
  },
  {
    wrong: 'an answer of a cache on the way is stored after a GET',
    file: 'src/upstream/storeFromPush.ts',
    text: 'return isFirstHand(response) && mayStore(ctx, upstream);',
    replacement: 'return (isFirstHand(response) || true) && mayStore(ctx, upstream);',
    caughtBy: 'test/upstream/secondHand.test.ts',
  },
  {
    wrong: 'a 404 of a cache on the way, from before an upload, refuses a manifest',
    file: 'src/upstream/askBlob.ts',
    text: 'return response.status === 404 && !isFromCache(response);',
    replacement: 'return response.status === 404;',
    caughtBy: 'test/upstream/checkBlobsOrigin.test.ts',
  },
  {
    wrong: 'Workers Cache answers in front of the Worker',
    file: 'wrangler.toml',
    text: 'cache = { enabled = false }',
    replacement: 'cache = { enabled = true }',
    caughtBy: 'test/local/wrangler.test.ts',
  },
];
