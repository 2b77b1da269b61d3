import { createTokenKeys, keySourceOf } from '../../src/access/tokenKeys.ts';
import { verifyToken } from '../../src/access/verifyToken.ts';
import { type BearerChallenge, hasBasicChallenge, parseBearerChallenge } from '../../src/http/challenge.ts';
import { isLoopbackHost } from '../../src/http/hosts.ts';
import { fetchToken } from '../../src/origin/fetchToken.ts';
import { allowedRealm, hostOfRealm } from '../../src/origin/realms.ts';
import { checkAccount } from './account.ts';
import type { Asking } from './asking.ts';
import { advice, type Finding, ok, problem } from './finding.ts';

/** Judges how the origin demands a login, and whether somebody can give it. */
export async function checkChallenge(asking: Asking, header: string | null): Promise<Finding[]> {
  const bearer = parseBearerChallenge(header);
  if (bearer) return checkTokens(asking, bearer);
  const { originUrl, clientAuth, account, tokens } = asking.upstream;
  if (!hasBasicChallenge(header)) {
    const says = `${originUrl.host} refuses /v2/ with a 401 that no registry client can answer (neither Bearer nor Basic)`;
    return [problem(says, 'set ORIGIN_URL to the registry itself, past what refuses')];
  }
  const demand = ok(`${originUrl.host} demands a login by HTTP Basic`);
  if (clientAuth === 'origin') {
    const needless = tokens
      ? [problem('the origin gives no tokens, so nobody has one to verify', 'remove TOKEN_JWKS and the like')]
      : [];
    return [demand, ...needless];
  }
  if (!account) {
    const says = `${originUrl.host} demands a login, and CLIENT_AUTH=${clientAuth} has none: everything would be a 403`;
    return [problem(says, 'set ORIGIN_ACCOUNT, or CLIENT_AUTH=origin so that callers log in there')];
  }
  return [demand, ...(await checkAccount(asking, account))];
}

async function checkTokens(asking: Asking, challenge: BearerChallenge): Promise<Finding[]> {
  const { upstream, realms } = asking;
  const host = hostOfRealm(challenge.realm);
  const demand = ok(`${upstream.originUrl.host} demands tokens of ${host}`);
  const realm = allowedRealm(challenge.realm, realms);
  const isAskedByEdge = upstream.clientAuth !== 'origin' || upstream.tokenRealm === 'edge';
  if (isAskedByEdge && !realm) return [judgeRefusedRealm(challenge.realm, upstream.tokenRealms)];
  if (!isAskedByEdge && !isSafe(challenge.realm)) {
    return [
      problem(
        `the origin sends clients to a token server at ${host} that is no https address`,
        'correct the realm in the configuration of the registry',
      ),
    ];
  }
  const own = [demand, ...checkService(asking, challenge)];
  const askable = realm ?? new URL(challenge.realm);
  if (upstream.account) {
    return [...own, ...(await checkAccount(asking, upstream.account, { ...challenge, realm: askable }))];
  }
  const ctx = asking.context();
  const answer = await fetchToken(ctx, { realm: askable, service: challenge.service, scope: '' }, asking.limits);
  if (answer.kind === 'failed') {
    const says = `the token server at ${host} gives no answer that is a token or a refusal`;
    return [...own, problem(says, 'look after it, or correct the realm in the configuration of the registry')];
  }
  if (answer.kind === 'issued') {
    return [...own, ok('it gives tokens to everybody'), ...(await checkKeys(asking, answer.token))];
  }
  if (upstream.clientAuth === 'origin') return [...own, ok('it gives tokens to those who log in')];
  const says = `the token server at ${host} gives no token to nobody, and CLIENT_AUTH=${upstream.clientAuth} has no account`;
  return [...own, advice(says, 'if it refuses also where an image is asked for, set ORIGIN_ACCOUNT')];
}

/** Says why a realm may not be asked by the edge. */
function judgeRefusedRealm(realm: string, allowed: readonly string[]): Finding {
  const host = hostOfRealm(realm);
  const says = `the origin names a token server at ${host}, which the edge may not ask: nothing can be pulled`;
  if (!isSafe(realm)) {
    return problem(`${says}, since it is no https address`, 'correct the realm in the configuration of the registry');
  }
  const listed = [...allowed, host].join();
  return problem(says, `if it is right, set TOKEN_REALMS_ALLOWED=${listed}; otherwise correct it in the registry`);
}

function isSafe(realm: string): boolean {
  if (!URL.canParse(realm)) return false;
  const { protocol, hostname } = new URL(realm);
  return protocol === 'https:' || isLoopbackHost(hostname);
}

/** Compares what the edge expects of tokens with what the origin asks for. */
function checkService({ upstream }: Asking, { service }: BearerChallenge): Finding[] {
  const { tokens, clientAuth } = upstream;
  if (clientAuth !== 'origin') return [];
  if (!tokens) {
    const says =
      'the edge cannot verify tokens: with each new one, the first answer in each repository is a miss (unproven)';
    return [advice(says, 'set TOKEN_JWKS, or TOKEN_JWKS_URL, with TOKEN_ISSUER and TOKEN_SERVICE')];
  }
  if (service === undefined || service === tokens.service) return [];
  const says = `TOKEN_SERVICE: the origin asks for tokens of the service ${JSON.stringify(service)}, so none would verify`;
  return [problem(says, `set TOKEN_SERVICE=${service}`)];
}

/** Verifies a token that was given to everybody as the edge would verify a caller's. */
async function checkKeys({ upstream: { tokens, clientAuth }, context }: Asking, token: string): Promise<Finding[]> {
  if (!tokens || clientAuth !== 'origin') return [];
  const keys = createTokenKeys(keySourceOf(tokens));
  const policy = { keys, issuer: tokens.issuer, audience: tokens.service };
  const claims = await verifyToken(context(), token, policy).catch(() => undefined);
  if (claims) return [ok('the edge can verify these tokens: a fresh one needs no question to the origin')];
  const says =
    'TOKEN_JWKS: a token that was given just now does not verify: its keys, TOKEN_ISSUER or TOKEN_SERVICE are not those of the token server';
  return [problem(says, 'take the keys of the token server, and the claims iss and aud of one of its tokens')];
}
