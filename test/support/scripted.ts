import { inject } from 'vitest';

/** How the scripted server answers; without anything, with an empty 200. */
export interface Script {
  readonly status?: number;
  /** In a value `{base}` is the server's own URL with this script. */
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** The body goes out coded, with the length of that. */
  readonly coding?: 'gzip' | 'br';
  /** Before the headers. */
  readonly waitMs?: number;
  /** Between headers and body. */
  readonly bodyWaitMs?: number;
  /** Takes the request and says nothing, or ends the connection. */
  readonly instead?: 'silence' | 'close';
  /** The base URL of another server, whose answer is handed on. */
  readonly forward?: string;
}

/** What it was asked, and whether it could answer or the asker had left. */
export interface Call {
  readonly method: string;
  /** Below the script. */
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly outcome: 'open' | 'answered' | 'left';
}

/** A server that answers everything by one script, for one test. */
export function scripted(script: Script) {
  const server = inject('scriptedUrl');
  const id = crypto.randomUUID();
  const bytes = new TextEncoder().encode(JSON.stringify(script));
  const encoded = btoa(String.fromCharCode(...bytes)).replace(
    /[+/=]/g,
    (character) => ({ '+': '-', '/': '_' })[character] ?? '',
  );
  return {
    url: `${server}/${id}/${encoded}`,
    async calls(): Promise<Call[]> {
      return (await fetch(`${server}/_calls/${id}`)).json() as Promise<Call[]>;
    },
  };
}
