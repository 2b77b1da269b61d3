import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

/** What may be wrong with a token server. */
export interface Trouble {
  readonly what: string;
  answer(response: ServerResponse): ServerResponse;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const MIB = Buffer.alloc(1_048_576, ' ');

/** An answer that never ends; it fills whatever does not stop reading. */
function endless(): Readable {
  return new Readable({
    read() {
      this.push(MIB);
    },
  });
}

const say = (body: string) => (response: ServerResponse) => response.writeHead(200, JSON_TYPE).end(body);

export const TROUBLES: readonly Trouble[] = [
  { what: 'does not answer', answer: (response) => response },
  { what: 'begins an answer and does not end it', answer: (response) => flushed(response.writeHead(200, JSON_TYPE)) },
  { what: 'hangs up', answer: (response) => response.destroy() },
  { what: 'answers 500', answer: (response) => response.writeHead(500).end() },
  { what: 'answers 429', answer: (response) => response.writeHead(429, { 'retry-after': '1' }).end() },
  { what: 'answers with a page', answer: (response) => response.writeHead(200).end('<html>Please log in</html>') },
  { what: 'answers null', answer: say('null') },
  { what: 'answers with an empty token', answer: say('{"token":""}') },
  { what: 'answers with a token that is a second header', answer: say('{"token":"a\\r\\nX-Injected: b"}') },
  { what: 'answers with a token of 1 MiB', answer: say(`{"token":"${'a'.repeat(MIB.length)}"}`) },
  { what: 'answers without an end', answer: (response) => endless().pipe(response.writeHead(200, JSON_TYPE)) },
];

function flushed(response: ServerResponse): ServerResponse {
  response.write('{"token":"');
  return response;
}
