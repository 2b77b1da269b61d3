/** A store failed. Never a miss: nothing is written back after it. */
export class CacheFault extends Error {
  override readonly name: string = 'CacheFault';
}

/**
 * The store answered, and what it holds is something that no setter wrote. That is no miss either, but it says nothing of
 * the store: it does not count against it, and what the origin then says is written over it, or clears it.
 */
export class BadRecord extends CacheFault {
  override readonly name = 'BadRecord';
}

/** @returns what was parsed, or as a value that what is stored cannot be */
export function tryParse<T>(parse: () => T): T | BadRecord {
  try {
    return parse();
  } catch (cause) {
    return new BadRecord('no setter wrote this', { cause });
  }
}

/** @throws BadRecord if it is one */
export function unwrap<T>(record: T | BadRecord): T {
  if (record instanceof BadRecord) throw record;
  return record;
}

/** Whatever goes wrong in the work is a fault of the store, but for bad records. @throws CacheFault, BadRecord */
export async function asCacheFault<T>(verb: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof BadRecord ? cause : new CacheFault(`${verb} failed`, { cause });
  }
}
