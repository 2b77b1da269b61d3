import type { HistoryTerms, TagHistory } from '../tagHistory.ts';
import { withTimeout } from '../timeout.ts';
import type { Objects } from './requests.ts';

/** The history of tags, each in the object of its repository: every operation is one request. */
export function createDurableHistory({ objectOf }: Objects, terms: HistoryTerms): TagHistory {
  return {
    see: (_ctx, { name, tag }, sight) => withTimeout(objectOf(name).see(terms, tag, sight)),
    miss: (_ctx, { name, tag }, at) => withTimeout(objectOf(name).miss(tag, at)),
    read: (_ctx, { name, tag }) => withTimeout(objectOf(name).readSightings({ tag })),
    ofDigest: (_ctx, name, digest) => withTimeout(objectOf(name).readSightings({ digest })),
    release: (_ctx, { name, tag }, digest) => withTimeout(objectOf(name).release(terms, tag, digest)),
  };
}
