import type { RequestContext } from '../context.ts';
import { errorName } from '../log.ts';
import type { Entry } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobStatter } from './provider.ts';

/** What a look into the cache came to, as a value: a fault is none of the other two. */
export type Lookup = { readonly outcome: 'hit'; readonly entry: Entry } | { readonly outcome: 'miss' | 'fault' };

/** Turns the three outcomes into a value; a fault is logged here, where its cause is known. */
export async function look(ctx: RequestContext, reader: BlobStatter, digest: Digest): Promise<Lookup> {
  try {
    const entry = await reader.stat(ctx, digest);
    return entry ? { outcome: 'hit', entry } : { outcome: 'miss' };
  } catch (fault) {
    ctx.log.warn('cache fault', { error: errorName(fault) });
    return { outcome: 'fault' };
  }
}
