import { USER_AGENT } from '../version.ts';

const FETCH_TIMEOUT_MS = 5_000;
const MAX_BYTES = 64 * 1024;

/**
 * Fetches a short public document, past every cache and without following a redirect.
 * @throws Error it could not be fetched, or is too large
 */
export async function fetchDocument(url: URL): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: 'application/json', 'user-agent': USER_AGENT },
    redirect: 'manual',
    cache: 'no-store',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (response.status === 200) return readText(response);
  await response.body?.cancel();
  throw new Error(`no document: status ${response.status}`);
}

async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const piece of body ?? []) {
    bytes += piece.length;
    if (bytes > MAX_BYTES) throw new RangeError('the document is too large');
    text += decoder.decode(piece, { stream: true });
  }
  return text;
}
