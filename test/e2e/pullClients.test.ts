import { beforeAll, expect, test } from 'vitest';
import { CLIENTS, type Client } from './support/clients.ts';
import { SUCCESS } from './support/command.ts';
import {
  allBytesOf,
  artifact,
  type Content,
  DOCKER,
  image,
  index,
  publish,
  publishReferrers,
} from './support/contents.ts';
import { blobOf, descriptorOf, noise } from './support/image.ts';
import { describeSetups, type Started, startSetup } from './support/setups.ts';
import { pulledTree } from './support/tree.ts';

interface Case {
  readonly what: string;
  readonly content: Content;
  readonly platform?: string;
  /** What of it has to arrive; without this, all. */
  readonly wanted?: Content | undefined;
}

const NAME = 'team/app';
const IMAGE = image('image');
const INDEX = index('index');
const LIST = index('list', DOCKER);
const SHA512 = artifact([blobOf(noise('sha512', 1_000), 'sha512')]);
const SIGNATURE = artifact([blobOf(noise('signature', 100))], {
  subject: descriptorOf(IMAGE.manifest, IMAGE.mediaType),
});
const CASES: readonly Case[] = [
  { what: 'an image', content: IMAGE },
  { what: 'a Docker image', content: image('image', DOCKER) },
  { what: 'an index', content: INDEX },
  { what: 'the second platform of an index', content: INDEX, platform: 'linux/arm64', wanted: INDEX.children[1] },
  { what: 'a Docker list', content: LIST },
  { what: 'the second platform of a Docker list', content: LIST, platform: 'linux/arm64', wanted: LIST.children[1] },
  { what: 'an artifact with a subject', content: SIGNATURE },
  { what: 'a blob of no bytes', content: artifact([blobOf(Buffer.alloc(0)), blobOf(noise('some', 10))]) },
];
/** Both registries name the sha256 where they are asked for the sha512 of a blob; of the clients, one bears that. */
const TAKES_SHA512: readonly Client['name'][] = ['regctl'];
const REFUSES_SHA512 = { code: 1, output: expect.stringContaining('sha512') };

describeSetups(['crane', 'oras', 'regctl', 'skopeo'], 'pull', (setup) => {
  let started: Started;
  beforeAll(async () => {
    started = await startSetup(setup);
    const { origin } = started;
    for (const { content } of [...CASES, { content: SHA512 }]) await publish(origin.url, NAME, content, tagOf(content));
    await publishReferrers(origin.url, NAME, IMAGE, [SIGNATURE]);
  });

  const cases = CLIENTS.flatMap((client) => CASES.map((one) => ({ ...one, client, name: client.name })));
  test.for(cases)('$name, $what: by tag and digest, cold and warm, the bytes are those of the origin', async (one) => {
    const { client, content, platform, wanted = content } = one;
    const direct = await client.pull(`${started.origin.host}/${NAME}:${tagOf(content)}`, platform);
    expect(direct).toMatchObject(SUCCESS);
    const expected = await pulledTree(direct.folder);
    expect(Object.values(expected)).toEqual(expect.arrayContaining(allBytesOf(wanted)));

    const byTag = `${started.edge.host}/${NAME}:${tagOf(content)}`;
    const byDigest = `${started.edge.host}/${NAME}@${content.manifest.digest}`;
    for (const reference of [byTag, byTag, byDigest, byDigest]) {
      const pulled = await client.pull(reference, platform);
      expect(pulled, reference).toMatchObject(SUCCESS);
      expect(await pulledTree(pulled.folder), reference).toEqual(expected);
    }
  });

  test.for(CLIENTS)('$name, a layer named by its sha512: cold and warm as the origin', async (client) => {
    for (const { host } of [started.origin, started.edge, started.edge]) {
      const pulled = await client.pull(`${host}/${NAME}:${tagOf(SHA512)}`);
      if (TAKES_SHA512.includes(client.name)) {
        expect(pulled).toMatchObject(SUCCESS);
        expect(Object.values(await pulledTree(pulled.folder))).toEqual(expect.arrayContaining(allBytesOf(SHA512)));
      } else {
        expect(pulled).toMatchObject(REFUSES_SHA512);
      }
    }
  });

  test.for(CLIENTS.filter(({ referrers }) => referrers))('$name lists the referrers: as the origin', async (client) => {
    const listed = async (host: string) => {
      const outcome = await client.referrers?.(`${host}/${NAME}:${tagOf(IMAGE)}`);
      return { ...outcome, output: outcome?.output.replaceAll(host, 'registry') };
    };
    const direct = await listed(started.origin.host);
    expect(direct).toMatchObject({ code: 0, output: expect.stringContaining(SIGNATURE.manifest.digest) });
    for (const { host } of [started.edge, started.edge]) expect(await listed(host)).toEqual(direct);
  });
});

/** Every content has a tag of its own. */
function tagOf({ manifest }: Content): string {
  return `tag-${manifest.digest.slice(-12)}`;
}
