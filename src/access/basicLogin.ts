/** Identity tokens have up to some 3 KB. A longer login is nobody's. */
const BASIC = /^basic +([A-Za-z0-9+/=]{1,12000})$/i;

/** Reads HTTP Basic (RFC 7617, UTF-8). @returns `undefined` if it is none */
export function parseBasic(authorization: string): [name: string, password: string] | undefined {
  const [, base64 = ''] = BASIC.exec(authorization) ?? [];
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const colonAt = text.indexOf(':');
    return colonAt > 0 ? [text.slice(0, colonAt), text.slice(colonAt + 1)] : undefined;
  } catch {
    return undefined;
  }
}
