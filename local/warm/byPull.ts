import { childrenOf, isWanted } from '../../src/oci/children.ts';
import { parseImage } from '../../src/oci/image.ts';
import { neededBlobs } from '../../src/oci/neededBlobs.ts';
import { NOTHING } from '../../src/upstream/warm/counts.ts';
import type { RegistryClient } from './registryClient.ts';
import type { Report } from './warmImage.ts';

export interface PullOptions {
  readonly client: RegistryClient;
  readonly platforms: readonly string[];
}

/** How many blobs of an image are asked for at the same time. */
const LANES = 4;

/** Warms an image by asking the edge for all of it, as a client that logs in. */
export async function warmByPull({ client, platforms }: PullOptions, image: string, report: Report): Promise<void> {
  const { name, reference } = parseImage(image);
  const manifest = async (text: string) => {
    const response = await client.ask('GET', name, `manifests/${text}`);
    const content = new Uint8Array(await response.arrayBuffer());
    if (!response.headers.get('cache-status')?.includes('registry-edge')) {
      throw new Error(
        'the answer has no Cache-Status of registry-edge: correct the address, or let no proxy remove it',
      );
    }
    if (!isManifest(content)) throw new Error(`the edge answered with no manifest for /v2/${name}/manifests/${text}`);
    report({ ...NOTHING, manifests: 1, bytes: content.length });
    return content;
  };
  const top = await manifest(reference.text);
  const children = childrenOf(top)?.filter(({ platform }) => isWanted(platform, platforms));
  if (children?.length === 0) throw new Error('the image has none of the platforms');
  for (const child of children ?? [undefined]) {
    const content = child ? await manifest(child.digest) : top;
    const left = neededBlobs(content).map(({ digest }) => digest);
    const lane = async () => {
      for (let digest = left.shift(); digest; digest = left.shift()) {
        const { headers } = await client.ask('HEAD', name, `blobs/${digest}`);
        const isKnown = headers.get('cache-status')?.includes('; hit') ? 1 : 0;
        report({ ...NOTHING, blobs: 1, bytes: Number(headers.get('content-length')), known: isKnown });
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }
}

/** Whether it looks like one: a page for people, such as one for signing on, names no blobs either. */
function isManifest(content: Uint8Array): boolean {
  try {
    const parsed = JSON.parse(new TextDecoder().decode(content)) as Record<string, unknown> | null;
    return parsed?.schemaVersion !== undefined || parsed?.mediaType !== undefined;
  } catch {
    return false;
  }
}
