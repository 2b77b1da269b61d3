/** How a registry asks for a token (distribution, "Token Authentication Specification"). */
export interface BearerChallenge {
  /** The URL of the token server, not judged yet. */
  readonly realm: string;
  readonly service: string | undefined;
  /** Where the value of the realm is in the header, from and to, with its quotes. */
  readonly realmAt: readonly [number, number];
  /** Why the token that was sent did not do, such as `insufficient_scope` (RFC 6750 §3.1). */
  readonly error: string | undefined;
}

/** Real challenges have some hundred characters. */
const MAX_CHARACTERS = 8_192;
const SEPARATORS = /[\s,]*/y;
/** A token, or the one of `Negotiate` and others (RFC 9110 §11.2, token68), which may hold a slash. */
const WORD = /[\w!#$%&'*+./^`|~-]+/y;
/** RFC 9110 §11.2: a value is a token or a quoted string. */
const VALUE = /(\s*=\s*)(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y;

/**
 * Finds the first `Bearer` challenge in a `WWW-Authenticate` header, which may hold several of any scheme (RFC 9110
 * §11.6.1).
 * @returns `undefined` if there is none, or it names no realm
 */
export function parseBearerChallenge(header: string | null): BearerChallenge | undefined {
  if (header === null || header.length > MAX_CHARACTERS) return undefined;
  for (const { scheme, params } of parseChallenges(header)) {
    const realm = scheme === 'bearer' ? params.get('realm') : undefined;
    if (realm?.text) {
      return {
        realm: realm.text,
        realmAt: realm.at,
        service: params.get('service')?.text,
        error: params.get('error')?.text,
      };
    }
  }
  return undefined;
}

/** Whether a `WWW-Authenticate` header has a `Basic` challenge (RFC 7617). */
export function hasBasicChallenge(header: string | null): boolean {
  if (header === null || header.length > MAX_CHARACTERS) return false;
  return parseChallenges(header).some(({ scheme }) => scheme === 'basic');
}

interface Parameter {
  readonly text: string;
  /** Where its value is in the header. */
  readonly at: readonly [number, number];
}

interface Challenge {
  readonly scheme: string;
  readonly params: Map<string, Parameter>;
}

/** Returns the header with another realm in the challenge that was found in it. */
export function withRealm(header: string, { realmAt: [from, to] }: BearerChallenge, realm: string): string {
  return `${header.slice(0, from)}"${realm}"${header.slice(to)}`;
}

/** Reads words one after the other: one that `=` follows is a parameter, and any other begins a challenge. */
function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const read = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match) at = pattern.lastIndex;
    return match;
  };
  for (;;) {
    read(SEPARATORS);
    const word = read(WORD)?.[0].toLowerCase();
    if (word === undefined) return challenges;
    const value = read(VALUE);
    if (!value) challenges.push({ scheme: word, params: new Map() });
    else {
      const [whole, equals = '', quoted, plain = ''] = value;
      const text = quoted?.replace(/\\(.)/g, '$1') ?? plain;
      challenges.at(-1)?.params.set(word, { text, at: [value.index + equals.length, value.index + whole.length] });
    }
  }
}
