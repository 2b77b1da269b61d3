import type { Outcome } from './command.ts';
import type { Layout } from './contents.ts';

/**
 * A client that writes to a registry, over plain HTTP and with no login. References are `host/name:tag` or
 * `host/name@digest`.
 */
export interface Pusher {
  readonly name: string;
  /** Whether it pushes an index with all its platforms. */
  readonly pushesIndexes: boolean;
  push(layout: Layout, to: string): Promise<Outcome>;
  /**
   * Copies from one repository of a registry to another one.
   * @param layout the content that `from` names
   */
  copy(layout: Layout, from: string, to: string): Promise<Outcome>;
  readonly deletes: Deletes;
}

/** The ways in which a client deletes; those that it does not have are absent. */
export interface Deletes {
  /** Deletes a tag alone. */
  tag?(reference: string): Promise<Outcome>;
  /** Deletes the manifest that a tag names. */
  tagged?(reference: string): Promise<Outcome>;
  /** Deletes a manifest by its digest. */
  manifest?(reference: string): Promise<Outcome>;
  /** Deletes a blob by its digest. */
  blob?(reference: string): Promise<Outcome>;
}

/** A reference, parsed. */
export interface Reference {
  /** The registry's URL. */
  readonly url: string;
  readonly name: string;
  /** The tag or the digest. */
  readonly reference: string;
}

/** @throws TypeError the text is no reference with a host and with a tag or digest */
export function parseReference(text: string): Reference {
  const [, host, name, reference] = /^([^/]+)\/([^:@]+)[:@](.+)$/.exec(text) ?? [];
  if (!host || !name || !reference)
    throw new TypeError(`expected host/name:tag or host/name@digest instead of ${text}`);
  return { url: `http://${host}`, name, reference };
}
