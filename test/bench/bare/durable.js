import { env } from 'cloudflare:workers';

const { HEADERS, OBJECT, KEYS } = env;

/** Asks the object that the edge asks for a warm HEAD, with the same request. */
export default {
  async fetch(_request, { REPOSITORIES }) {
    const { rows } = await REPOSITORIES.get(REPOSITORIES.idFromName(OBJECT)).readEntries(KEYS);
    return new Response(null, { status: rows[0].entry ? 200 : 502, headers: HEADERS });
  },
};
