import { advice, type Finding, ok } from './finding.ts';
import { logIn, type Subject } from './subject.ts';

/** No content has it, so that a DELETE of it removes nothing. */
const NOBODY = `sha256:${'0'.repeat(64)}`;

/** Tries whether the origin deletes, with a digest that nothing has. Registries refuse before they look. */
export async function checkDeletes({ asking, base, name }: Subject): Promise<Finding[]> {
  const { upstream } = asking;
  if (!upstream.allowsWrites || !upstream.deleteEnabled) return [ok('nobody may delete through this edge')];
  const target = `${base}blobs/${NOBODY}`;
  const authorization = await logIn(asking, target, `repository:${name}:pull,delete`);
  const { response } = await asking.origin.send(asking.context(authorization), target, { method: 'DELETE' });
  await response.body?.cancel();
  const { status } = response;
  if (status === 405 || status === 501) {
    return [
      advice(`the origin deletes no blobs (${status})`, 'set DELETE_ENABLED=false, and clients learn it at once'),
    ];
  }
  if (status === 401 || status === 403) return [ok(`your login may not delete (${status}), so this is not known`)];
  if (status !== 202 && status !== 404) return [ok(`the origin answers a DELETE with ${status}, so this is not known`)];
  return [ok('the origin deletes blobs; the edge forgets them before it replies')];
}
