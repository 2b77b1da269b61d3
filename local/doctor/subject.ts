import { ALL_MANIFESTS } from '../../src/oci/mediaTypes.ts';
import { dockerLogin } from '../warm/dockerLogin.ts';
import { RegistryClient } from '../warm/registryClient.ts';
import type { Asking } from './asking.ts';

/** One repository at an origin, and as whom it is asked. */
export interface Subject {
  readonly asking: Asking;
  /** Such as `/v2/team/app/`. */
  readonly base: string;
  readonly name: string;
  /** That of a caller, where the origin judges callers. */
  readonly authorization: string | undefined;
}

/** Logs in as docker does, where the origin judges callers. */
export async function logIn(
  { bare, context, upstream }: Asking,
  target: string,
  scope: string,
): Promise<string | undefined> {
  if (upstream.clientAuth !== 'origin') return undefined;
  const { response } = await bare.send(context(), target, { method: 'HEAD', as: 'question', accept: ALL_MANIFESTS });
  await response.body?.cancel();
  if (response.status !== 401) return undefined;
  const { origin, host } = upstream.originUrl;
  const client = new RegistryClient(origin, await dockerLogin(host));
  return client.answerTo(response.headers.get('www-authenticate'), scope);
}
