import { beforeAll, expect, test } from 'vitest';
import { CLIENTS, type Client } from './support/clients.ts';
import { SUCCESS } from './support/command.ts';
import {
  artifact,
  type Content,
  DOCKER,
  hashesOf,
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
  /** The part that has to arrive; by default all. */
  readonly expectedPart?: Content | undefined;
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
  { what: 'the second platform of an index', content: INDEX, platform: 'linux/arm64', expectedPart: INDEX.children[1] },
  { what: 'a Docker list', content: LIST },
  {
    what: 'the second platform of a Docker list',
    content: LIST,
    platform: 'linux/arm64',
    expectedPart: LIST.children[1],
  },
  { what: 'an artifact with a subject', content: SIGNATURE },
  { what: 'an artifact with an empty blob', content: artifact([blobOf(Buffer.alloc(0)), blobOf(noise('some', 10))]) },
];
/** Asked for a blob by its sha512, both registries answer with its sha256 digest; only one client accepts that. */
const ACCEPTS_SHA512: readonly Client['name'][] = ['regctl'];
const SHA512_REFUSAL = { code: 1, output: expect.stringContaining('sha512') };

describeSetups(['crane', 'oras', 'regctl', 'skopeo'], 'pull', (setup) => {
  let started: Started;
  beforeAll(async () => {
    started = await startSetup(setup);
    const { origin } = started;
    for (const { content } of [...CASES, { content: SHA512 }]) await publish(origin.url, NAME, content, tagOf(content));
    await publishReferrers(origin.url, NAME, IMAGE, [SIGNATURE]);
  });

  const cases = CLIENTS.flatMap((client) => CASES.map((each) => ({ ...each, client, name: client.name })));
  test.for(cases)('$what with $name, by tag and digest, cold and warm: the bytes of the origin', async (pulledCase) => {
    const { client, content, platform, expectedPart = content } = pulledCase;
    const direct = await client.pull(`${started.origin.host}/${NAME}:${tagOf(content)}`, platform);
    expect(direct).toMatchObject(SUCCESS);
    const expected = await pulledTree(direct.folder);
    expect(Object.values(expected)).toEqual(expect.arrayContaining(hashesOf(expectedPart)));

    const byTag = `${started.edge.host}/${NAME}:${tagOf(content)}`;
    const byDigest = `${started.edge.host}/${NAME}@${content.manifest.digest}`;
    for (const reference of [byTag, byTag, byDigest, byDigest]) {
      const pulled = await client.pull(reference, platform);
      expect(pulled, reference).toMatchObject(SUCCESS);
      expect(await pulledTree(pulled.folder), reference).toEqual(expected);
    }
  });

  test.for(CLIENTS)('a layer named by its sha512 with $name, cold and warm: as at the origin', async (client) => {
    for (const { host } of [started.origin, started.edge, started.edge]) {
      const pulled = await client.pull(`${host}/${NAME}:${tagOf(SHA512)}`);
      if (ACCEPTS_SHA512.includes(client.name)) {
        expect(pulled).toMatchObject(SUCCESS);
        expect(Object.values(await pulledTree(pulled.folder))).toEqual(expect.arrayContaining(hashesOf(SHA512)));
      } else {
        expect(pulled).toMatchObject(SHA512_REFUSAL);
      }
    }
  });

  test.for(CLIENTS.filter(({ referrers }) => referrers))(
    'the referrers that $name lists are those of the origin',
    async (client) => {
      const listReferrers = async (host: string) => {
        const outcome = await client.referrers?.(`${host}/${NAME}:${tagOf(IMAGE)}`);
        return { ...outcome, output: outcome?.output.replaceAll(host, 'registry') };
      };
      const direct = await listReferrers(started.origin.host);
      expect(direct).toMatchObject({ code: 0, output: expect.stringContaining(SIGNATURE.manifest.digest) });
      for (const { host } of [started.edge, started.edge]) expect(await listReferrers(host)).toEqual(direct);
    },
  );
});

/** The tag of a content, which no other content has. */
function tagOf({ manifest }: Content): string {
  return `tag-${manifest.digest.slice(-12)}`;
}
