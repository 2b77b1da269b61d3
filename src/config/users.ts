import type { UserSecret, UserSettings } from '../http/userSettings.ts';
import { type Form, variable } from './forms.ts';
import { isObject, parseObject } from './objects.ts';
import { mayWrite, parseRights, RIGHTS } from './rights.ts';

/** The name of those who do not log in. */
const ANONYMOUS = 'anonymous';
const MAX_USERS = 1_000;
const NAME = /^[^:\p{Cc}]{1,128}$/u;
/** Not that of an empty text: a script whose variable is unset would make a user without a password. */
const SHA256 = /^(?!e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855)[0-9a-f]{64}$/;
/** A higher cost takes more CPU than a Worker on the free plan has (10 ms). */
const BCRYPT = /^\$2[aby]\$0[45]\$[./A-Za-z0-9]{53}$/;
const FORM = 'expected an object of users, such as {"ci":{"secret":"<SHA-256>","pull":["team/*"]}}';

/** Whether a text can be the name of a user who logs in. */
export function isUserName(text: string): boolean {
  return NAME.test(text) && text !== ANONYMOUS;
}

/** The users of the edge's own; unset is `undefined`. The problem never tells a name, which is a part of the secret. */
export function users(): Form<{ readonly list: readonly UserSettings[] | undefined }> {
  return (raw) => {
    const reading = variable('{}', FORM, parseObject)(raw);
    if ('problem' in reading) return reading;
    if (Object.keys(reading.value).length === 0) return { value: { list: undefined } };
    const entries = Object.entries(reading.value);
    if (entries.length > MAX_USERS) return { problem: `expected at most ${MAX_USERS} users` };
    const list: UserSettings[] = [];
    for (const [at, [name, given]] of entries.entries()) {
      const user = parseUser(name, given);
      if (typeof user === 'string') return { problem: `user ${at + 1}: ${user}` };
      list.push(user);
    }
    return { value: { list } };
  };
}

/** @returns a sentence where it is no user */
function parseUser(name: string, given: unknown): UserSettings | string {
  if (!NAME.test(name)) return 'expected a name of up to 128 characters, without a colon';
  if (!isObject(given)) return 'expected an object with secret and pull';
  const { secret, ...members } = given;
  const unknown = Object.keys(members).filter((member) => !(RIGHTS as readonly string[]).includes(member));
  if (unknown.length > 0) return `expected secret, ${RIGHTS.join(', ')}, and nothing else`;
  const rights = parseRights(members);
  if (typeof rights === 'string') return rights;
  if (name === ANONYMOUS) {
    if (secret !== undefined) return 'expected no secret: this is who does not log in';
    return mayWrite(rights)
      ? 'expected neither push nor delete: this is who does not log in'
      : { name, secret, ...rights };
  }
  const parsed = parseSecret(secret);
  if (!parsed) return 'secret: expected the SHA-256 of a token (npm run user -- NAME), or bcrypt of a cost up to 5';
  return { name, secret: parsed, ...rights };
}

function parseSecret(secret: unknown): UserSecret | undefined {
  if (typeof secret !== 'string') return undefined;
  if (SHA256.test(secret)) return { kind: 'sha256', hash: secret };
  return BCRYPT.test(secret) ? { kind: 'bcrypt', line: secret } : undefined;
}
