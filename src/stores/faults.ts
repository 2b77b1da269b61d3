/** A store failed. This is never a miss: nothing is written back after it. */
export class CacheFault extends Error {
  override readonly name: string = 'CacheFault';
}

/**
 * The store answered with a value that no version of the edge writes. It is not a miss, but it is no failure of the
 * store either: it does not count against the store, and the origin's answer overwrites or clears the value.
 */
export class BadRecord extends CacheFault {
  override readonly name = 'BadRecord';
}

/** Parses a stored value. @returns the parsed value, or a `BadRecord` if the parser throws */
export function tryParse<T>(parse: () => T): T | BadRecord {
  try {
    return parse();
  } catch (cause) {
    return new BadRecord('the stored value is malformed', { cause });
  }
}

/** Returns a parsed value. @throws BadRecord if the value could not be parsed */
export function unwrap<T>(record: T | BadRecord): T {
  if (record instanceof BadRecord) throw record;
  return record;
}

/** Runs work on a store, and turns every error but a bad record into a fault. @throws CacheFault, BadRecord */
export async function asCacheFault<T>(verb: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof BadRecord ? cause : new CacheFault(`${verb} failed`, { cause });
  }
}
