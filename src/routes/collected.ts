import { joined } from '../body.ts';
import type { RequestContext } from '../context.ts';
import { parseWholeNumber } from '../oci/descriptor.ts';
import { MAX_MANIFEST_BYTES } from '../origin/manifests.ts';
import { tapped } from '../tapped.ts';
import { within } from '../within.ts';

/** A request's body on its way, of which a copy is kept. */
export interface Collected {
  readonly body: ReadableStream<Uint8Array>;
  /** All of it; `undefined` where it is longer than a manifest may be, or broke off. */
  whole(waitMs: number): Promise<Pushed | undefined>;
}

export interface Pushed {
  readonly content: Uint8Array;
  /** Epoch ms at which the last byte was sent. */
  readonly sentAt: number;
}

/** Keeps a copy of the request's body, if it is as short as a manifest, while it goes on to the origin. */
export function collected(ctx: RequestContext): Collected | undefined {
  const { body, headers } = ctx.request;
  if (!body) return undefined;
  let pieces: Uint8Array[] | undefined = [];
  let length = 0;
  const passing = tapped(body, parseWholeNumber(headers.get('content-length')), (piece) => {
    length += piece.length;
    if (length <= MAX_MANIFEST_BYTES) pieces?.push(piece);
    else pieces = undefined;
  });
  const sent = passing.passed.then((isWhole) => {
    const sentAt = ctx.now();
    if (!isWhole || !pieces) return undefined;
    return { content: joined(pieces), sentAt };
  });
  return { body: passing.body, whole: (waitMs) => within(sent, waitMs) };
}
