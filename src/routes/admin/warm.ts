import type { RequestContext } from '../../context.ts';
import { RegistryError } from '../../oci/errors.ts';
import { type Image, parseImage } from '../../oci/image.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';
import { type Position, warm } from '../../upstream/warm/warm.ts';
import { guard, jsonAnswer, upstreamNamed } from './guard.ts';
import { readText } from './readText.ts';

const MAX_IMAGES = 100;
const MAX_PLATFORMS = 20;
const PLATFORM = /^[a-z0-9_.-]+(?:\/[a-z0-9_.-]+){1,2}$/;
const CURSOR = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})$/;

/** What an operator asks for. */
interface Asked {
  readonly images: readonly string[];
  readonly platforms: readonly string[];
  readonly alias: string;
  readonly from: Position;
}

/**
 * Answers `POST /_edge/warm`, for operators with the `ADMIN_TOKEN`: asks for images as a caller who only pulls would, a
 * piece of them in each request. The body is JSON: `images`, `platforms` (all by default), `upstream`, and the `cursor`
 * of the previous answer.
 * @returns JSON: what was `done` in this request, the `errors` by image, and a `cursor` if there is more to do, with
 *   `retryAfter` if the origin asks to wait
 * @throws RegistryError as `guard`; REQUEST_INVALID; CALLER_NEEDED: the origin judges callers, so the edge has none
 */
export async function warmRoute(
  ctx: RequestContext,
  upstreams: Upstreams,
  adminToken: string | undefined,
): Promise<Response> {
  await guard(ctx, adminToken, ['POST']);
  const { images, platforms, alias, from } = parse(await readText(ctx, upstreams));
  const named = upstreamNamed(upstreams, alias);
  const upstream = named.forPullers;
  if (!upstream) throw new RegistryError('CALLER_NEEDED');
  const full = images.map((text): Image => {
    const image = parseImage(text);
    return { ...image, name: named.names?.fullName(image.name) ?? image.name };
  });
  const { counts, errors, next, retryAfter } = await warm(ctx, upstream, { images: full, platforms, from });
  return jsonAnswer(ctx, {
    done: counts,
    errors: errors.map(({ image, error }) => ({ image: images[image], error })),
    cursor: next && `${next.image}.${next.manifest}.${next.blob}`,
    retryAfter,
  });
}

/** @throws RegistryError REQUEST_INVALID: it names what is wrong */
function parse(text: string): Asked {
  const { images, platforms = [], upstream = '', cursor = '0.0.0' } = objectIn(text);
  if (!isList(images, MAX_IMAGES) || images.length === 0) {
    throw invalid(`images: expected a list of 1 to ${MAX_IMAGES} images such as team/app:v1`);
  }
  if (!isList(platforms, MAX_PLATFORMS) || !platforms.every((platform) => PLATFORM.test(platform))) {
    throw invalid(`platforms: expected a list of at most ${MAX_PLATFORMS} platforms such as linux/arm64`);
  }
  const [, image, manifest, blob] = CURSOR.exec(String(cursor)) ?? [];
  if (image === undefined) throw invalid('invalid cursor: use the one that the previous response returned');
  return {
    images,
    platforms,
    alias: String(upstream),
    from: { image: Number(image), manifest: Number(manifest), blob: Number(blob) },
  };
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
  } catch {
    // It is none, as other values are none.
  }
  throw invalid('expected a JSON object such as {"images": ["team/app:v1"]}');
}

function isList(value: unknown, most: number): value is string[] {
  return Array.isArray(value) && value.length <= most && value.every((item) => typeof item === 'string');
}

function invalid(message: string): RegistryError {
  return new RegistryError('REQUEST_INVALID', { message });
}
