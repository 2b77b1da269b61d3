import type { AccountSettings } from '../../src/http/accountSettings.ts';
import { createAccount } from '../../src/origin/createAccount.ts';
import { exchange } from '../../src/origin/exchange.ts';
import { fetchToken } from '../../src/origin/fetchToken.ts';
import type { Asking } from './asking.ts';
import { type Finding, ok, problem } from './finding.ts';

/** The variables that say which account it is. */
const VARIABLES = {
  password: 'ORIGIN_USERNAME and ORIGIN_PASSWORD',
  ecr: 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  google: 'GOOGLE_SERVICE_ACCOUNT',
} as const;

/** Logs in with the edge's account. @param server the token server that the origin demands, if it demands one */
export async function checkAccount(
  { bare, context, limits, upstream }: Asking,
  settings: AccountSettings,
  server?: { readonly realm: URL; readonly service: string | undefined },
): Promise<Finding[]> {
  const variables = VARIABLES[settings.kind];
  const ctx = context();
  let authorization: string;
  try {
    authorization = await createAccount(settings, limits, upstream.allowsWrites).authorization(ctx);
  } catch {
    return [
      problem(`${variables}: no password was given for the account`, 'correct them, and the rights of the account'),
    ];
  }
  const accepted = ok(`the account of ${settings.name} is accepted`);
  if (server) {
    const { kind } = await fetchToken(ctx, { ...server, scope: '', authorization }, limits);
    if (kind === 'issued') return [accepted];
    const says = kind === 'refused' ? 'refuses the account' : 'did not decide about the account';
    return [problem(`${variables}: the token server at ${server.realm.host} ${says}`, 'correct them')];
  }
  const headers = new Headers({ authorization });
  const response = await exchange(ctx, `${bare.url.href.replace(/\/$/, '')}/v2/`, {
    ...{ method: 'GET', headers },
    signal: AbortSignal.timeout(limits.timeoutMs),
  }).then(
    ({ response }) => response,
    () => undefined,
  );
  await response?.body?.cancel();
  if (response?.ok) return [accepted];
  return [problem(`${variables}: the origin refuses the account (${response?.status ?? 'no answer'})`, 'correct them')];
}
