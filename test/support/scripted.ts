import { inject } from 'vitest';

/** How a scripted server answers; an empty script gives an empty 200. */
export interface Script {
  readonly status?: number;
  /** `{base}` in a value, and in the body, stands for the server's own URL with this script. */
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** `{long}` in the body stands for so many letters. */
  readonly long?: number;
  /** The body is sent in this content coding, with the coded length. */
  readonly coding?: 'gzip' | 'br';
  /** How long the server waits before the headers. */
  readonly waitMs?: number;
  /** How long the server waits between headers and body. */
  readonly bodyWaitMs?: number;
  /** Reads the request and then never answers, or closes the connection. */
  readonly instead?: 'silence' | 'close';
  /** The base URL of another server, to which requests are forwarded. */
  readonly forward?: string;
  /** How it answers these paths instead. */
  readonly paths?: Readonly<Record<string, Script>>;
}

/** A request to the server, and whether the server could answer it or the client had left. */
export interface Call {
  readonly method: string;
  /** The path after the script. */
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly outcome: 'open' | 'answered' | 'left';
}

/** Returns a server, for one test, that answers every request by one script. */
export function createScriptedServer(script: Script) {
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
