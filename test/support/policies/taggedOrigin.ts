import { uniqueName } from '../digests.ts';
import { sha256 } from '../push.ts';
import { manifestRequest, uniqueManifest } from '../pushManifest.ts';
import { TableOrigin } from './origin.ts';

/** An origin in the tests' own process that has one tag in one repository. */
export class TaggedOrigin extends TableOrigin {
  readonly name = uniqueName();
  readonly path: string;
  readonly #tag: string;
  #bytes = '';

  private constructor(tag: string, demanded?: string) {
    super(demanded);
    this.#tag = tag;
    this.path = `/v2/${this.name}/manifests/${tag}`;
  }

  static async create(tag: string, demanded?: string): Promise<TaggedOrigin> {
    const origin = new TaggedOrigin(tag, demanded);
    await origin.move();
    return origin;
  }

  /** The manifest to which the tag leads. */
  get bytes(): string {
    return this.#bytes;
  }

  /** Makes the tag lead to another manifest. @param kept a manifest that it still has */
  async move(kept?: string): Promise<void> {
    this.#bytes = uniqueManifest();
    const digest = await sha256(this.#bytes);
    const manifests = new Map([[digest, this.#bytes]]);
    if (kept !== undefined) manifests.set(await sha256(kept), kept);
    this.stock(new Map([[this.name, { blobs: new Map(), manifests, tags: new Map([[this.#tag, digest]]) }]]));
  }
}

/** Returns the GET of a manifest. @param headers the caller's */
export const read = (headers: Readonly<Record<string, string>>) => manifestRequest('GET', undefined, { ...headers });
