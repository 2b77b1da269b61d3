import type { RequestContext } from '../../context.ts';
import { VERSION } from '../../version.ts';
import { guard, jsonAnswer } from './guard.ts';
import type { AdminOptions } from './routes.ts';

/**
 * Answers `GET /_edge/version`, for whoever has the `METRICS_TOKEN` or the `ADMIN_TOKEN`.
 * @throws RegistryError as `guard`
 */
export async function versionRoute(
  ctx: RequestContext,
  { adminToken, metricsToken }: Pick<AdminOptions, 'adminToken' | 'metricsToken'>,
): Promise<Response> {
  await guard(ctx, [adminToken, metricsToken], ['GET', 'HEAD']);
  return jsonAnswer(ctx, { version: VERSION });
}
