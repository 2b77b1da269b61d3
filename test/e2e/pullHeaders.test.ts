import { beforeAll, expect, test } from 'vitest';
import { ACCEPTS } from './support/accepts.ts';
import { upload } from './support/blobs.ts';
import { artifact, type Content, DOCKER, image, index, OCI, publish } from './support/contents.ts';
import { type Answer, contentHeaders, lastingHeaders, request, type Sent } from './support/http.ts';
import { type Blob, blobOf, descriptorOf, makeBlob, noise } from './support/image.ts';
import { describeSetups, type Started, startSetup } from './support/setups.ts';

/** To clients that accept nothing newer, 2.8.2 answers an image in this form, with a new signature each time. */
const SIGNED_SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

const NAME = 'team/app';
const IMAGE = image('image');
const SUBJECT = descriptorOf(IMAGE.manifest, IMAGE.mediaType);
const CONTENTS: Readonly<Record<string, Content>> = {
  image: IMAGE,
  index: index('index'),
  'docker-image': image('docker', DOCKER),
  'docker-list': index('list', DOCKER),
  // An empty blob, and one with a sha512 digest.
  artifact: artifact([blobOf(Buffer.alloc(0)), blobOf(noise('sha512', 1_000), 'sha512')], { subject: SUBJECT }),
};
const BLOBS = Object.values(CONTENTS).flatMap(({ blobs }) => blobs.map(({ digest }) => digest));
const MANIFESTS = Object.values(CONTENTS).map(({ manifest }) => manifest.digest);
const CONFIG = IMAGE.blobs[0] as Blob;
/** A manifest that was uploaded as a blob; 2.8.2 also answers it as a manifest, 3.1.1 does not. */
const AS_BLOB = artifact([], { annotations: { uploaded: 'as a blob' } }).manifest;
const ABSENT = makeBlob('absent', 1).digest;

/** The headers with which clients ask for a blob. */
const BLOB_HEADERS: readonly [string, Record<string, string>][] = [
  ['curl', { accept: '*/*' }],
  ['crane, oras, regctl and skopeo', { 'accept-encoding': 'gzip' }],
  ['containerd', { accept: `${OCI.layer}, */*`, 'accept-encoding': 'zstd;q=1.0, gzip;q=0.8, deflate;q=0.5' }],
];

describeSetups([], 'HEAD and GET, cold and warm', (setup) => {
  let started: Started;
  beforeAll(async () => {
    started = await startSetup(setup);
    for (const [tag, content] of Object.entries(CONTENTS)) await publish(started.origin.url, NAME, content, tag);
    expect((await upload(started.origin.url, NAME, AS_BLOB)).status).toBe(201);
  });

  /**
   * Asks the origin once and the edge twice, by HEAD and by GET, and expects the same answers.
   * @returns the statuses of HEAD and GET
   */
  async function expectParity(path: string, headers: Sent['headers'] = {}): Promise<number[]> {
    const statuses: number[] = [];
    for (const method of ['HEAD', 'GET']) {
      const message = `${method} ${path} ${JSON.stringify(headers)}`;
      const direct = await request(method, `${started.origin.url}/v2/${NAME}/${path}`, { headers });
      const cold = await request(method, `${started.edge.url}/v2/${NAME}/${path}`, { headers });
      const warm = await request(method, `${started.edge.url}/v2/${NAME}/${path}`, { headers });
      expect(comparable(cold), message).toEqual(comparable(direct));
      expect(comparable(warm), message).toEqual(comparable(direct));
      expect(lastingHeaders(warm), message).toEqual(lastingHeaders(cold));
      statuses.push(direct.status);
    }
    return statuses;
  }

  test.for(ACCEPTS)(
    "manifests by tag and digest with the Accept of $client: the origin's answers",
    async ({ accept }) => {
      for (const [tag, { manifest, mediaType }] of Object.entries(CONTENTS)) {
        const lines = accept(mediaType);
        const headers = lines.length > 0 ? { accept: lines } : {};
        for (const reference of [tag, manifest.digest]) await expectParity(`manifests/${reference}`, headers);
      }
    },
  );

  test.for(BLOB_HEADERS)("blobs with the headers of %s: the origin's answers", async ([, headers]) => {
    for (const digest of BLOBS) expect(await expectParity(`blobs/${digest}`, headers)).toEqual([200, 200]);
  });

  test("blobs as manifests, manifests as blobs, and absent content: the origin's answers", async () => {
    const asManifests = [...BLOBS, AS_BLOB.digest, ABSENT, 'absent'];
    const asBlobs = [...MANIFESTS, ABSENT];
    for (const reference of asManifests) await expectParity(`manifests/${reference}`, { accept: OCI.manifest });
    for (const digest of asBlobs) expect(await expectParity(`blobs/${digest}`)).toEqual([404, 404]);
    expect(await expectParity(`blobs/${AS_BLOB.digest}`)).toEqual([200, 200]);
  });

  test.for([
    ['a manifest by tag', 'manifests/image', IMAGE.manifest],
    ['a manifest by digest', `manifests/${IMAGE.manifest.digest}`, IMAGE.manifest],
    ['a blob', `blobs/${CONFIG.digest}`, CONFIG],
  ] as const)('%s with If-None-Match of its digest: 304, as at the origin', async ([, path, { digest }]) => {
    const headers = { accept: OCI.manifest, 'if-none-match': `"${digest}"` };
    for (const { url } of [started.origin, started.edge, started.edge]) {
      for (const method of ['HEAD', 'GET']) {
        const { status, body } = await request(method, `${url}/v2/${NAME}/${path}`, { headers });
        expect([status, body.length], `${method} ${url}`).toEqual([304, 0]);
      }
    }
  });
});

/** What must be equal in the answers of the origin and of the edge. */
function comparable(answer: Answer): unknown {
  const { status, headers, body } = answer;
  const isSigned = headers['content-type'] === SIGNED_SCHEMA_1 && body.length > 0;
  return { status, ...contentHeaders(answer), body: isSigned ? withoutSignatures(body) : body.toString('base64') };
}

function withoutSignatures(body: Buffer): unknown {
  const { signatures: _signatures, ...manifest } = JSON.parse(body.toString());
  return manifest;
}
