import { sha256 } from '../push.ts';
import { uniqueManifest } from '../pushManifest.ts';
import type { Shelf } from './origin.ts';

/** The two repositories of the table. */
export const PLACES = ['open', 'closed'] as const;
export type Place = (typeof PLACES)[number];
export const NAMES: Readonly<Record<Place, string>> = { open: 'team/open', closed: 'team/closed' };

/** Tags for the requests that read, and one for each request that writes: no cell is in the way of another. */
const READ_TAGS = ['v1', 'v1-rc', 'latest'] as const;
export const WRITTEN_TAGS: readonly string[] = [
  ...['same', 'other', 'extra', 'gone'].flatMap((use) => [`v-${use}`, `v-${use}-rc`]),
  'v-digest',
];
const TAGS: readonly string[] = [...READ_TAGS, ...WRITTEN_TAGS];

export interface Made {
  readonly digest: string;
  readonly bytes: string;
}

/** What the table's requests are about in one repository. */
export interface PlaceContent {
  readonly name: string;
  readonly blob: Made;
  /** A blob that is deleted. */
  readonly spare: Made;
  /** The manifest of each tag. */
  readonly tagged: ReadonlyMap<string, Made>;
  /** Manifests that the origin does not have, one for each tag that is moved to one. */
  readonly fresh: ReadonlyMap<string, Made>;
}
export type Contents = Readonly<Record<Place, PlaceContent>>;

const make = async (bytes: string): Promise<Made> => ({ digest: await sha256(bytes), bytes });
const manifests = async () =>
  new Map(await Promise.all(TAGS.map(async (tag) => [tag, await make(uniqueManifest())] as const)));

async function contentOf(place: Place): Promise<PlaceContent> {
  const [blob, spare] = [await make(`layer of ${place}`), await make(`spare of ${place}`)];
  return { name: NAMES[place], blob, spare, tagged: await manifests(), fresh: await manifests() };
}

export async function makeContents(): Promise<Contents> {
  return { open: await contentOf('open'), closed: await contentOf('closed') };
}

/** Returns what an origin has of this. */
export function shelvesOf(contents: Contents): Map<string, Shelf> {
  const bytesOf = (all: Iterable<Made>) => new Map([...all].map(({ digest, bytes }) => [digest, bytes] as const));
  return new Map(
    PLACES.map((place) => {
      const { name, blob, spare, tagged } = contents[place];
      const tags = new Map([...tagged].map(([tag, { digest }]) => [tag, digest] as const));
      return [name, { blobs: bytesOf([blob, spare]), manifests: bytesOf(tagged.values()), tags }] as const;
    }),
  );
}
