/** Does some work for every item, in their order, and for at most `limit` of them at the same time. */
export async function inParallel<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const remaining = Iterator.from(items);
  async function worker(): Promise<void> {
    for (let next = remaining.next(); !next.done; next = remaining.next()) await work(next.value);
  }
  await Promise.all(Array.from({ length: limit }, worker));
}
