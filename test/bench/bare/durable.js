import { env } from 'cloudflare:workers';

export { RepositoryObject } from '../../../src/stores/durable/object.ts';

const { HEADERS, OBJECT, KEYS, VALUE } = env;

/** Asks an object for an entry with the request that the edge sends for a warm HEAD. `PUT`: writes the entry first. */
export default {
  async fetch(request, { REPOSITORIES }) {
    const object = REPOSITORIES.get(REPOSITORIES.idFromName(OBJECT));
    if (request.method === 'PUT') await object.write([['entry', KEYS, { value: VALUE }]]);
    const { rows } = await object.readEntries(KEYS);
    return new Response(null, { status: rows[0].entry ? 200 : 502, headers: HEADERS });
  },
};
