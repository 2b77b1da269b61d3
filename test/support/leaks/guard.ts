import { demandToken } from '../demandToken.ts';
import { type Pushed, rig } from '../push.ts';
import { STORAGE, someBucket } from '../storage.ts';
import { basic, type Login } from '../users.ts';
import { hasRight, PLACES, type Place, USERS, type User } from './callers.ts';

/** Who judges callers, and as whom the origin is asked. */
export interface Mode {
  readonly clientAuth: 'origin' | 'basic' | 'anonymous';
  readonly asks: 'as the caller' | 'as nobody' | 'with a login' | 'with a token';
}

/** The edge's own. */
const ACCOUNT = basic('edge', 'password of the edge');
const CHALLENGE = { 'www-authenticate': 'Basic realm="origin"' };

export function eachPlace<T>(make: (place: Place) => T): Record<Place, T> {
  return Object.fromEntries(PLACES.map((place) => [place, make(place)])) as Record<Place, T>;
}

/** Makes the origin judge as it would in this mode. @returns which credential it accepts, and further variables */
export async function guard({ clientAuth, asks }: Mode, names: Record<Place, string>, logins: Record<User, Login>) {
  const accepted = eachPlace<string | undefined>(() => undefined);
  let more: Record<string, string> = {};
  const refuse = (
    place: Place,
    unlessAuthorization: readonly string[],
    methods: readonly (string | undefined)[],
    prefix = `/v2/${names[place]}/`,
  ) =>
    Promise.all(
      methods.map((method) =>
        rig.rule({
          ...{ prefix, unlessAuthorization, status: 401, headers: CHALLENGE, body: '{}' },
          ...(method && { method }),
        }),
      ),
    );
  const withRight = (right: string, place: Place) =>
    (Object.keys(USERS) as User[])
      .filter((user) => hasRight(user, right, place))
      .map((user) => logins[user].authorization);
  for (const place of PLACES) {
    if (asks === 'with a token') {
      const { token, variables } = await demandToken(names[place]);
      accepted[place] = `Bearer ${token}`;
      const { CLIENT_AUTH: _own, ...others } = variables;
      more = others;
    } else if (asks === 'with a login' || place === 'secret') {
      accepted[place] = ACCOUNT.authorization;
      await refuse(place, [ACCOUNT.authorization], [undefined]);
    } else if (clientAuth === 'origin') {
      accepted[place] = ACCOUNT.authorization;
      const and = (list: readonly string[]) => [...list, ACCOUNT.authorization];
      const uploads = `/v2/${names[place]}/blobs/uploads/`;
      await refuse(place, and(withRight('push', place)), ['GET', 'DELETE'], uploads);
      await refuse(place, and(withRight('pull', place)), ['GET', 'HEAD']);
      await refuse(place, and(withRight('push', place)), ['POST', 'PATCH', 'PUT']);
      for (const rest of ['blobs/sha256', 'manifests/']) {
        await refuse(place, and(withRight('delete', place)), ['DELETE'], `/v2/${names[place]}/${rest}`);
      }
    }
  }
  return { accepted, more };
}

/** Makes the origin send those who pull a blob to its storage. */
export async function redirectBlob({ path, bytes, digest }: Pushed): Promise<void> {
  const at = someBucket()(digest);
  const headers = { 'content-length': String(bytes.length), 'content-type': 'binary/octet-stream' };
  await rig.rule({ prefix: at, status: 200, headers, body: bytes });
  for (const method of ['HEAD', 'GET']) {
    await rig.rule({ prefix: path, method, status: 307, headers: { location: `${STORAGE}${at}?signature=abc` } });
  }
}
