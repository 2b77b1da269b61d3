/**
 * What somebody would write who needs no cache of descriptors and no access control. `GET /r2/<key>` reads from the bucket,
 * `GET /pass/<path>` passes the origin's answer through, and `GET /fill/<path>` also puts it into the bucket.
 */
export default {
  async fetch(request, { BLOBS, ORIGIN_URL }, ctx) {
    const [, what, rest] = /^\/(r2|pass|fill)(\/.+)$/.exec(new URL(request.url).pathname);
    if (what === 'r2') {
      const { body, size } = await BLOBS.get(rest.slice(1));
      return new Response(body, { headers: { 'Content-Length': size } });
    }
    const response = await fetch(ORIGIN_URL + rest, { cache: 'no-store' });
    if (what === 'pass') return response;
    const [body, copy] = response.body.tee();
    ctx.waitUntil(BLOBS.put('bare', copy, { sha256: rest.slice(rest.lastIndexOf(':') + 1) }));
    return new Response(body, response);
  },
};
