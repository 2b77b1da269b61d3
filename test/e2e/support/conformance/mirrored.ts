import { artifact, image, index, OCI, publish } from '../contents.ts';
import { blobOf, descriptorOf, noise } from '../image.ts';

const NAME = 'conformance/repo1';
const IMAGE = image('conformance');
const INDEX = index('conformance');
const SIGNATURE = artifact([blobOf(noise('signature', 1_000), 'sha512')], {
  subject: descriptorOf(IMAGE.manifest, OCI.manifest),
});
const CONTENTS = { image: IMAGE, index: INDEX, signature: SIGNATURE };

/**
 * Puts content into a registry, for a run of the conformance suite that only pulls.
 * @returns the settings of the suite that name the content
 */
export async function publishMirrored(url: string): Promise<Record<string, string>> {
  for (const [tag, content] of Object.entries(CONTENTS)) await publish(url, NAME, content, tag);
  const contents = [...Object.values(CONTENTS), ...INDEX.children];
  return {
    OCI_REPO1: NAME,
    // Without this, the suite crashes when it sums up the tests that were left out.
    OCI_FILTER_TEST: 'OCI Conformance Test/read-only',
    OCI_API_PUSH: 'false',
    // Of such content the suite knows no digest, and so finds none.
    OCI_API_MANIFESTS_DIGEST_HEADER: 'false',
    OCI_API_BLOBS_DELETE: 'false',
    OCI_API_MANIFESTS_DELETE: 'false',
    OCI_API_TAGS_DELETE: 'false',
    OCI_RO_DATA_TAGS: Object.keys(CONTENTS).join(' '),
    OCI_RO_DATA_MANIFESTS: contents.map(({ manifest }) => manifest.digest).join(' '),
    OCI_RO_DATA_BLOBS: contents.flatMap(({ blobs }) => blobs.map(({ digest }) => digest)).join(' '),
    OCI_RO_DATA_REFERRERS: IMAGE.manifest.digest,
  };
}
