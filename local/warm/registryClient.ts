import { hasBasicChallenge, parseBearerChallenge } from '../../src/http/challenge.ts';
import { isLoopbackHost } from '../../src/http/hosts.ts';
import { ALL_MANIFESTS } from '../../src/oci/mediaTypes.ts';
import type { Login } from './dockerLogin.ts';

const TIMEOUT_MS = 60_000;

/** Reads from a registry as a client that logs in. */
export class RegistryClient {
  readonly #url: string;
  readonly #login: Login | undefined;
  /** The `Authorization` by repository. */
  readonly #authorizations = new Map<string, string>();

  constructor(url: string, login: Login | undefined) {
    this.#url = url;
    this.#login = login;
  }

  /**
   * Sends a request below a repository. A challenge is answered once.
   * @throws Error the registry refuses: status and path are in the message
   */
  async ask(method: 'GET' | 'HEAD', name: string, below: string): Promise<Response> {
    const first = await this.#send(method, name, below);
    const response =
      first.status === 401 && (await this.#authorize(name, first)) ? await this.#send(method, name, below) : first;
    if (response.ok) return response;
    await response.body?.cancel();
    throw new Error(`the edge answered ${response.status} for /v2/${name}/${below}`);
  }

  #send(method: string, name: string, below: string): Promise<Response> {
    const authorization = this.#authorizations.get(name);
    const headers = { accept: ALL_MANIFESTS, ...(authorization && { authorization }) };
    return fetch(`${this.#url}/v2/${name}/${below}`, { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  }

  /** Answers the challenge of a 401. @returns false: there is nothing to answer it with */
  async #authorize(name: string, { headers, body }: Response): Promise<boolean> {
    await body?.cancel();
    const authorization = await this.answerTo(headers.get('www-authenticate'), `repository:${name}:pull`);
    if (authorization !== undefined) this.#authorizations.set(name, authorization);
    return authorization !== undefined;
  }

  /**
   * Returns the `Authorization` that answers a challenge; `undefined`: there is nothing to answer it with.
   * @throws Error the token server refuses
   */
  async answerTo(challenge: string | null, scope: string): Promise<string | undefined> {
    const bearer = parseBearerChallenge(challenge);
    if (bearer) return `Bearer ${await this.#fetchToken(new URL(bearer.realm), bearer.service, scope)}`;
    return this.#login && hasBasicChallenge(challenge) ? basic(this.#login) : undefined;
  }

  /** Fetches a token (distribution, "Token Authentication Specification", and its OAuth2 variant for identity tokens). */
  async #fetchToken(realm: URL, service: string | undefined, scope: string): Promise<string> {
    if (realm.protocol !== 'https:' && !isLoopbackHost(realm.hostname)) {
      throw new Error(`the token server ${realm.host} is not asked over http`);
    }
    const parameters = { ...(service !== undefined && { service }), scope };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const login = this.#login;
    let response: Response;
    if (login?.username === '<token>') {
      const form = {
        ...parameters,
        grant_type: 'refresh_token',
        client_id: 'registry-edge',
        refresh_token: login.password,
      };
      response = await fetch(realm, { method: 'POST', body: new URLSearchParams(form), redirect: 'error', signal });
    } else {
      for (const [key, value] of Object.entries(parameters)) realm.searchParams.set(key, value);
      response = await fetch(realm, {
        headers: login ? { authorization: basic(login) } : {},
        redirect: 'error',
        signal,
      });
    }
    if (!response.ok)
      throw new Error(`the token server ${realm.host} answered ${response.status}: log in with docker login`);
    // What cannot be read may hold a token, so no error tells it.
    const answer = (await response.json().catch(() => undefined)) as Record<string, unknown> | null | undefined;
    const given = answer?.token ?? answer?.access_token;
    if (typeof given !== 'string' || given === '') throw new Error(`the token server ${realm.host} gave no token`);
    return given;
  }
}

function basic({ username, password }: Login): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
