import { type Handshake, repositoryIn } from './handshake.ts';

/**
 * `LEND_ACCOUNT=public`: the edge's account is lent only for what everybody may see, so that it adds to nobody's rights
 * but to what the origin allows within its limits. A HEAD is asked as nobody. A GET is asked with the account only after
 * a HEAD has shown the same to nobody.
 */
export function createPublicOnly(asNobody: Handshake, withAccount: Handshake): Handshake {
  return {
    async send(ctx, target, request, sendOnce) {
      if (request.method !== 'GET' || !repositoryIn(target)) return asNobody.send(ctx, target, request, sendOnce);
      const seen = await asNobody.send(ctx, target, { ...request, method: 'HEAD' }, sendOnce);
      await seen.response.body?.cancel();
      // What nobody is shown is refused in the origin's own words.
      if (seen.response.status >= 400) return asNobody.send(ctx, target, request, sendOnce);
      const answer = await withAccount.send(ctx, target, request, sendOnce);
      if (digestOf(answer.response) === digestOf(seen.response)) return answer;
      await answer.response.body?.cancel();
      return asNobody.send(ctx, target, request, sendOnce);
    },
  };
}

function digestOf({ headers }: Response): string | null {
  return headers.get('docker-content-digest');
}
