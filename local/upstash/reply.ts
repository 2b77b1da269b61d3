/** What Redis replied; strings as bytes, since they may be no text. */
export type Reply = Buffer | string | number | null | Error | Reply[];

type Json = string | number | null | Json[];

/**
 * A reply as the REST API writes it: `{"result"}` or `{"error"}`. With base64 every string but the status `OK` is
 * encoded, so that bytes that are no UTF-8 survive JSON.
 */
export function encodeReply(reply: Reply, base64: boolean): { result: Json } | { error: string } {
  return reply instanceof Error ? { error: reply.message } : { result: encode(reply, base64) };
}

function encode(reply: Exclude<Reply, Error> | Error, base64: boolean): Json {
  if (reply instanceof Error) return reply.message;
  if (Array.isArray(reply)) return reply.map((part) => encode(part, base64));
  if (reply === null || typeof reply === 'number') return reply;
  if (!base64 || reply.toString() === 'OK') return reply.toString();
  return (typeof reply === 'string' ? Buffer.from(reply) : reply).toString('base64');
}
