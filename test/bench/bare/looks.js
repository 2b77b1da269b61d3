/** How many rows one request writes, and how many looks at random rows one request makes. */
const ROWS = 1_000;
const LOOKS = 500;
const TERMS = { askedAs: 'caller', retentionMs: 86_400_000, lifeMs: 86_400_000, links: 'blobs' };

const digestOf = (n) => `sha256:${n.toString(16).padStart(64, '0')}`;

/**
 * `PUT /<object>/<first>`: writes rows into an object. `GET /<object>/<rows>`: looks at random ones of so many, one
 * after the other.
 */
export default {
  async fetch(request, { REPOSITORIES }) {
    const [, name, number] = new URL(request.url).pathname.split('/');
    const object = REPOSITORIES.get(REPOSITORIES.idFromName(name));
    if (request.method === 'PUT') {
      const digests = Array.from({ length: ROWS }, (_, at) => digestOf(Number(number) + at));
      const descriptor = { digest: digests[0], size: 1, mediaType: 'application/octet-stream' };
      const value = { descriptor, verifiedAt: Date.now() };
      await object.write([['entry', { ...TERMS, digests }, { value }]]);
      return new Response();
    }
    for (let look = 0; look < LOOKS; look++) {
      const digest = digestOf(Math.floor(Math.random() * Number(number)));
      const { rows } = await object.readEntries({ ...TERMS, digests: [digest] });
      if (!rows[0].entry) return new Response(`${digest} is not there`, { status: 500 });
    }
    return new Response();
  },
};
