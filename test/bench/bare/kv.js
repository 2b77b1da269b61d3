import { env } from 'cloudflare:workers';

const { HEADERS, KEYS } = env;

/** Reads the two keys that the edge reads for a warm HEAD, with the same options. */
export default {
  async fetch(_request, { DESCRIPTORS }) {
    const values = await DESCRIPTORS.get(KEYS, { type: 'text', cacheTtl: 30 });
    return new Response(null, { status: values.get(KEYS[0]) ? 200 : 502, headers: HEADERS });
  },
};
