import { env } from 'cloudflare:workers';

/** The simplest proxy of a registry: sends every request to the origin and streams the answer back. */
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
