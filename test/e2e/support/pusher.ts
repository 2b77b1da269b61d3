import type { Outcome } from './command.ts';
import type { Layout } from './contents.ts';

/**
 * A client as something that writes to a registry, over plain HTTP and with no login. References are `host/name:tag` or
 * `host/name@digest`.
 */
export interface Pusher {
  readonly name: string;
  /** Whether it pushes an index with all its platforms. */
  readonly pushesIndexes: boolean;
  push(layout: Layout, to: string): Promise<Outcome>;
  /**
   * From one repository of a registry to another one.
   * @param layout what `from` names
   */
  copy(layout: Layout, from: string, to: string): Promise<Outcome>;
  readonly deletes: Deletes;
}

/** The ways in which a client deletes. */
export interface Deletes {
  /** A tag, and not what it names. */
  tag?(reference: string): Promise<Outcome>;
  /** The manifest that a tag names. */
  tagged?(reference: string): Promise<Outcome>;
  /** A manifest, by its digest. */
  manifest?(reference: string): Promise<Outcome>;
  /** By its digest. */
  blob?(reference: string): Promise<Outcome>;
}

/** A reference in its parts. */
export interface Reference {
  /** Of the registry. */
  readonly url: string;
  readonly name: string;
  /** The tag, or the digest. */
  readonly reference: string;
}

export function parseReference(text: string): Reference {
  const [, host, name, reference] = /^([^/]+)\/([^:@]+)[:@](.+)$/.exec(text) ?? [];
  if (!host || !name || !reference) throw new TypeError(`no reference: ${text}`);
  return { url: `http://${host}`, name, reference };
}
