import type { EcrSettings } from '../http/accountSettings.ts';
import { USER_AGENT } from '../version.ts';
import type { Account } from './account.ts';
import { type JsonLimits, readJson } from './readJson.ts';
import { createRenewedAccount } from './renewedAccount.ts';

const TARGET = 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken';
/** Base64 of `AWS:<password>`, which has some 2,500 characters. */
const TOKEN = /^[A-Za-z0-9+/=]{8,16384}$/;

/**
 * Creates an account of Amazon ECR, whose password lives for twelve hours and is fetched with a signed request (AWS
 * Signature Version 4; "GetAuthorizationToken" in the API reference of Amazon ECR).
 */
export function createEcrAccount(settings: EcrSettings & { readonly name: string }, limits: JsonLimits): Account {
  const { name: accessKeyId, secretAccessKey, region } = settings;
  const url = settings.endpoint?.href ?? `https://api.ecr.${region}.amazonaws.com/`;
  return createRenewedAccount(async (ctx) => {
    // Only an edge with such an account parses the library.
    const { AwsClient } = await import('aws4fetch');
    const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 'ecr', retries: 0 });
    const signed = await client.sign(url, {
      ...{ method: 'POST', body: '{}' },
      headers: { 'content-type': 'application/x-amz-json-1.1', 'user-agent': USER_AGENT, 'x-amz-target': TARGET },
    });
    const answer = await fetch(signed, {
      ...{ redirect: 'manual', cache: 'no-store', signal: AbortSignal.timeout(limits.timeoutMs) },
    });
    if (answer.status !== 200) {
      await answer.body?.cancel();
      throw new Error(`AWS answers ${answer.status}`);
    }
    const { authorizationData } = (await readJson(ctx, answer, limits)) as { authorizationData?: Partial<Given>[] };
    const { authorizationToken = '', expiresAt = 0 } = authorizationData?.[0] ?? {};
    if (!TOKEN.test(authorizationToken) || !(expiresAt > 0)) throw new Error('AWS gives no password');
    return { authorization: `Basic ${authorizationToken}`, until: expiresAt * 1_000 };
  });
}

/** What the API gives. */
interface Given {
  readonly authorizationToken: string;
  /** Epoch seconds. */
  readonly expiresAt: number;
}
