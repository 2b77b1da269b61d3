/** What a path may be written in, so that no two programs on its way read it in two ways. */

/** What names, digests, tags and extensions are written in. */
const PLAIN = '[A-Za-z0-9._:+=~@-]';
const PLAIN_CHARACTER = new RegExp(PLAIN);
const PLAIN_SEGMENT = new RegExp(`^(?!\\.{1,2}$)${PLAIN}+$`);
const ESCAPE = /%([0-9a-fA-F]{2})/g;

/**
 * A path with every percent-escape decoded that has one reading: `%3A` is `:` to every program (RFC 3986 §6.2.2.2), but
 * `%2F` is a separator to some and a character to others, and stays. An upload's session stays as a whole.
 * @param path raw, as in a request line
 */
export function normalPath(path: string): string {
  if (!path.includes('%')) return path;
  const segments = path.split('/');
  const normal = segments.map((segment) => segment.replace(ESCAPE, plainCharacter));
  const sessionAt = normal[1] === 'v2' ? sessionIn(normal, 2) : undefined;
  if (sessionAt !== undefined) normal[sessionAt] = segments[sessionAt] ?? '';
  return normal.join('/');
}

/** The same for a query that is an `ns` alone, which is part of what is asked for; any other is passed on as it came. */
export function normalQuery(search: string): string {
  return /^\?ns=[^&;]*%[^&;]*$/.test(search) ? search.replace(ESCAPE, plainCharacter) : search;
}

function plainCharacter(written: string, hex: string): string {
  const character = String.fromCharCode(Number.parseInt(hex, 16));
  return PLAIN_CHARACTER.test(character) ? character : written;
}

/**
 * Where the session is in the path of an upload, `<name>/blobs/uploads/<session>`; a slash may follow it.
 * @param from the segment with which the name begins
 * @returns the segment's index, or `undefined` where the path is not an upload's
 */
export function sessionIn(segments: readonly string[], from = 0): number | undefined {
  const last = segments.length - 1;
  const at = segments[last] === '' && segments[last - 1] !== 'uploads' ? last - 1 : last;
  return at - 2 > from && segments[at - 2] === 'blobs' && segments[at - 1] === 'uploads' ? at : undefined;
}

/**
 * Whether what follows `/v2/` can mean one thing only. `new URL` and `fetch` turn `/v2/a/../b` into `/v2/b`, and a
 * registry may take `//` for `/`: such a path would be checked as one thing and answered as another.
 */
export function isUnambiguous(segments: readonly string[]): boolean {
  const sessionAt = sessionIn(segments) ?? segments.length;
  const isPlain = segments.slice(0, sessionAt).every((segment) => PLAIN_SEGMENT.test(segment));
  return isPlain && isSession(segments.slice(sessionAt).join('/'));
}

/** What reaches the origin byte for byte: `fetch` escapes the other characters, or turns them into separators. */
const SESSION = /^(?:[A-Za-z0-9._:+=~@!$&'()*,;|[\]-]|%[0-9a-fA-F]{2})*\/?$/;
const NOUNS = new Set(['blobs', 'manifests', 'tags', 'referrers']);

/**
 * Whether this can be an upload's session, which is the origin's own word: one to a registry that decodes it before it
 * looks for separators, too.
 */
function isSession(text: string): boolean {
  if (!SESSION.test(text)) return false;
  const decoded = text.replace(ESCAPE, (_escape, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  // An escape within an escape, a separator of Windows, a control character.
  if (/[%\\]/.test(decoded) || [...decoded].some((character) => character < ' ' || character === '\x7f')) return false;
  const parts = decoded.split(/[/;]/);
  return parts.every((part) => part !== '.' && part !== '..' && (parts.length === 1 || !NOUNS.has(part)));
}
