import { env } from 'cloudflare:workers';

/** The least that can stand before a registry: every request is asked of the origin, and its answer streamed back. */
export default {
  async fetch(request) {
    const { pathname, search } = new URL(request.url);
    const authorization = request.headers.get('authorization');
    const answer = await fetch(env.ORIGIN_URL + pathname + search, {
      method: request.method,
      headers: authorization ? { authorization } : {},
      redirect: 'manual',
    });
    return new Response(answer.body, answer);
  },
};
