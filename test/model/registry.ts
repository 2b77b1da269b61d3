import type { Digest } from '../../src/oci/digest.ts';
import { Timeline } from './timeline.ts';

/** Content by its digest; it is the same in every repository. */
export interface Content {
  readonly digest: Digest;
  readonly bytes: string;
  readonly mediaType: string;
  /** Of a manifest: the blobs without which it is broken. */
  readonly needs: readonly Digest[];
}

/** The truth: what a registry has, and since when. */
export class ModelRegistry {
  readonly #now: () => number;
  readonly #contents = new Map<string, Content>();
  readonly #present = new Map<string, Timeline<boolean>>();
  readonly #tags = new Map<string, Timeline<Digest | undefined>>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Lets the registry know content that it may be sent. */
  describe(content: Content): Content {
    this.#contents.set(content.digest, content);
    return content;
  }

  content(digest: string): Content | undefined {
    return this.#contents.get(digest);
  }

  /** Whether a repository has a blob. */
  blob(name: string, digest: string): Timeline<boolean> {
    return this.#timeline(`${name} blobs ${digest}`);
  }

  /** Whether a repository has a manifest. */
  manifest(name: string, digest: string): Timeline<boolean> {
    return this.#timeline(`${name} manifests ${digest}`);
  }

  /** Where a tag of a repository leads. */
  tag(name: string, tag: string): Timeline<Digest | undefined> {
    return entryOf(this.#tags, `${name} ${tag}`, () => new Timeline<Digest | undefined>(this.#now, undefined));
  }

  /** Removes a manifest, and the tags that lead to it. */
  removeManifest(name: string, digest: string): void {
    this.manifest(name, digest).set(false);
    for (const [key, tag] of this.#tags) if (key.startsWith(`${name} `) && tag.value === digest) tag.set(undefined);
  }

  #timeline(key: string): Timeline<boolean> {
    return entryOf(this.#present, key, () => new Timeline<boolean>(this.#now, false));
  }
}

/** Returns the value of a key, which is made if there is none. */
export function entryOf<V>(map: Map<string, V>, key: string, make: () => V): V {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
