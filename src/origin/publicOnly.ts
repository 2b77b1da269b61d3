import { isRedirect } from '../http/redirects.ts';
import { isPage } from './confirmation.ts';
import type { Handshake } from './handshake.ts';
import { scopeOf } from './scope.ts';

/**
 * `LEND_ACCOUNT=public`: the edge's account is lent only for what everybody may see, so that it adds to nobody's rights
 * but to what the origin allows within its limits. A HEAD is asked as nobody. A GET is asked with the account only after
 * a HEAD has shown the same to nobody.
 */
export function createPublicOnly(asNobody: Handshake, withAccount: Handshake): Handshake {
  return {
    async send(ctx, target, request, sendOnce) {
      if (request.method !== 'GET' || !scopeOf(request.method, target)?.name)
        return asNobody.send(ctx, target, request, sendOnce);
      const seen = await asNobody.send(ctx, target, { ...request, method: 'HEAD' }, sendOnce);
      await seen.response.body?.cancel();
      // What nobody is shown is refused in the origin's own words.
      if (seen.response.status >= 400) return asNobody.send(ctx, target, request, sendOnce);
      // An origin behind a sign-on shows a page for it to those whom it does not know.
      if (isPage(seen.response)) return asNobody.send(ctx, target, request, sendOnce);
      const answer = await withAccount.send(ctx, target, request, sendOnce);
      if (isSame(answer.response, seen.response)) return answer;
      await answer.response.body?.cancel();
      return asNobody.send(ctx, target, request, sendOnce);
    },
  };
}

/** Whether the account is shown what nobody is shown: a redirect may lead nobody to a sign-on. */
function isSame(answer: Response, seen: Response): boolean {
  if (seen.status >= 300 && !(isRedirect(seen) && placeOf(answer) === placeOf(seen))) return false;
  return digestOf(answer) === digestOf(seen);
}

/** Returns where a redirect leads, without the query, in which signatures are. */
function placeOf({ headers }: Response): string {
  return (headers.get('location') ?? '').replace(/[?#].*$/s, '');
}

function digestOf({ headers }: Response): string | null {
  return headers.get('docker-content-digest');
}
