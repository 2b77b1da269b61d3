/**
 * Leaves out of a sequence what its failure does not need: halves first, then ever smaller pieces, at last single
 * items, until none can be left out or the time is over.
 * @param fails replays some of the items, in their order
 * @param limitMs no replay begins later than this
 */
export async function minimise<T>(
  items: readonly T[],
  fails: (rest: readonly T[]) => Promise<boolean>,
  limitMs: number,
): Promise<readonly T[]> {
  const endsAt = Date.now() + limitMs;
  let kept = items;
  for (let size = Math.ceil(items.length / 2); size > 0; ) {
    const before = kept.length;
    for (let from = 0; from < kept.length; ) {
      if (Date.now() >= endsAt) return kept;
      const rest = kept.toSpliced(from, size);
      if (await fails(rest)) kept = rest;
      else from += size;
    }
    // What a single item needed may be needless without it.
    if (size > 1) size = Math.ceil(size / 2);
    else if (kept.length === before) break;
  }
  return kept;
}
