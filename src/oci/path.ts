/** Normalizes paths, and refuses those that two programs on their way could read in two ways. */

/** The characters of names, digests, tags and extensions. */
const PLAIN = '[A-Za-z0-9._:+=~@-]';
const PLAIN_CHARACTER = new RegExp(PLAIN);
const PLAIN_SEGMENT = new RegExp(`^(?!\\.{1,2}$)${PLAIN}+$`);
const ESCAPE = /%([0-9a-fA-F]{2})/g;

/**
 * Decodes the percent-escapes of a path that can be read in one way only: `%3A` is `:` to every program (RFC 3986
 * §6.2.2.2), but `%2F` is a separator to some and a character to others, and stays. The session of an upload stays as
 * it is.
 * @param path raw, as in a request line
 */
export function normalPath(path: string): string {
  if (!path.includes('%')) return path;
  const segments = path.split('/');
  const normal = segments.map((segment) => segment.replace(ESCAPE, decodePlain));
  const sessionAt = normal[1] === 'v2' ? sessionIn(normal, 2) : undefined;
  if (sessionAt !== undefined) normal[sessionAt] = segments[sessionAt] ?? '';
  return normal.join('/');
}

/** Decodes a query in the same way if it consists of an `ns`, which selects content. Any other query stays as it is. */
export function normalQuery(search: string): string {
  return /^\?ns=[^&;]*%[^&;]*$/.test(search) ? search.replace(ESCAPE, decodePlain) : search;
}

function decodePlain(escaped: string, hex: string): string {
  const character = String.fromCharCode(Number.parseInt(hex, 16));
  return PLAIN_CHARACTER.test(character) ? character : escaped;
}

/**
 * Finds the session in the path of an upload, `<name>/blobs/uploads/<session>`, which may end with a slash.
 * @param from the segment with which the name begins
 * @returns the segment's index, or `undefined` where the path is not an upload's
 */
export function sessionIn(segments: readonly string[], from = 0): number | undefined {
  const last = segments.length - 1;
  const at = segments[last] === '' && segments[last - 1] !== 'uploads' ? last - 1 : last;
  return at - 2 > from && segments[at - 2] === 'blobs' && segments[at - 1] === 'uploads' ? at : undefined;
}

/**
 * Whether the part of a path below `/v2/` can be read in one way only. `new URL` and `fetch` turn `/v2/a/../b` into
 * `/v2/b`, and a registry may read `//` as `/`: access to such a path would be checked for one resource, and the answer
 * would come from another.
 */
export function isUnambiguous(segments: readonly string[]): boolean {
  const sessionAt = sessionIn(segments) ?? segments.length;
  const isPlain = segments.slice(0, sessionAt).every((segment) => PLAIN_SEGMENT.test(segment));
  return isPlain && isSession(segments.slice(sessionAt).join('/'));
}

/** The characters that reach the origin unchanged: `fetch` escapes others, or turns them into separators. */
const SESSION = /^(?:[A-Za-z0-9._:+=~@!$&'()*,;|[\]-]|%[0-9a-fA-F]{2})*\/?$/;
const NOUNS = new Set(['blobs', 'manifests', 'tags', 'referrers']);

/**
 * Whether this can be the session of an upload, which the origin makes up. It must also be a single segment to a
 * registry that decodes it before it looks for separators.
 */
function isSession(text: string): boolean {
  if (!SESSION.test(text)) return false;
  const decoded = text.replace(ESCAPE, (_escape, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  // An escape within an escape, a Windows separator, a control character.
  if (/[%\\]/.test(decoded) || [...decoded].some((character) => character < ' ' || character === '\x7f')) return false;
  const parts = decoded.split(/[/;]/);
  return parts.every((part) => part !== '.' && part !== '..' && (parts.length === 1 || !NOUNS.has(part)));
}
