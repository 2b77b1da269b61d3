import { RegistryError } from '../oci/errors.ts';
import type { OriginResponse } from './origin.ts';

/** What the origin means for whoever asked it: a cookie may be a session of the edge's account. */
const FOR_THE_EDGE = ['www-authenticate', 'set-cookie', 'set-cookie2'];

/** Returns an answer as an open mirror may relay it: nobody is asked to log in, or gets a session. */
export async function withoutChallenge(answer: OriginResponse): Promise<OriginResponse> {
  const { response, sentAt } = answer;
  if (response.status === 401) {
    await response.body?.cancel();
    return { response: refusal(response.headers), sentAt };
  }
  if (!FOR_THE_EDGE.some((name) => response.headers.has(name))) return answer;
  const headers = new Headers(response.headers);
  for (const name of FOR_THE_EDGE) headers.delete(name);
  return { response: new Response(response.body, { status: response.status, headers }), sentAt };
}

/** Headers of a challenge that are not those of the refusal in its place. */
const ABOUT_THE_CHALLENGE = [...FOR_THE_EDGE, 'content-length', 'content-encoding'];

/** What everybody gets in place of a challenge. @param given the origin's headers */
export function refusal(given?: Headers): Response {
  const message = 'the origin refuses this to the edge, which asks in its own name: no login of a caller counts';
  const error = new RegistryError('DENIED', { message });
  const headers = new Headers(given);
  for (const name of ABOUT_THE_CHALLENGE) headers.delete(name);
  headers.set('content-type', 'application/json');
  return new Response(error.toBody(), { status: error.status, headers });
}
