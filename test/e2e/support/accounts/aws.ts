import { createHash, createHmac } from 'node:crypto';
import { createPasswords } from './passwords.ts';
import { type Asked, type PasswordService, startService } from './service.ts';

/** The access key of the edge's IAM user. */
export const ACCESS_KEY = { id: 'AKIDE2E', secret: 'a-secret-access-key/of+the-tests' } as const;
const [REGION, TARGET] = ['eu-central-1', 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken'];
const CREDENTIAL =
  /^AWS4-HMAC-SHA256 Credential=AKIDE2E\/(\d{8})\/eu-central-1\/ecr\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;

/** Starts a stand-in for Amazon ECR, made from its API reference. @param lifeMs how long each password lives */
export async function startAws(lifeMs: number): Promise<PasswordService> {
  const passwords = createPasswords('AWS', lifeMs);
  const service = await startService((asked) => {
    if (asked.headers['x-amz-target'] !== TARGET) throw new Error(`${asked.headers['x-amz-target']} is no target`);
    verify(asked);
    const { password, until } = passwords.give();
    const authorizationToken = Buffer.from(`AWS:${password}`).toString('base64');
    return { authorizationData: [{ authorizationToken, expiresAt: until / 1_000, proxyEndpoint: 'https://ecr.test' }] };
  });
  const variables = {
    ...{ ORIGIN_ACCOUNT: 'ecr', AWS_ACCESS_KEY_ID: ACCESS_KEY.id, AWS_SECRET_ACCESS_KEY: ACCESS_KEY.secret },
    ...{ AWS_REGION: REGION, AWS_ENDPOINT_URL: service.url },
  };
  return { ...service, passwords, variables };
}

/** Verifies the signature (AWS, "Create a signed API request"). @throws Error it is not that of the access key */
function verify({ method, path, headers, body }: Asked): void {
  const [, day = '', signed = '', signature] = CREDENTIAL.exec(headers.authorization ?? '') ?? [];
  const time = String(headers['x-amz-date']);
  if (Math.abs(Date.now() - timeOf(time)) > 300_000) throw new Error(`${time} is not now`);
  const lines = signed.split(';').map((name) => `${name}:${headers[name]}\n`);
  const canonical = [method, path, '', lines.join(''), signed, sha256(body)].join('\n');
  const scope = `${day}/${REGION}/ecr/aws4_request`;
  const key = [day, REGION, 'ecr', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${ACCESS_KEY.secret}`);
  const expected = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).toString('hex');
  if (signature !== expected) throw new Error(`the signature is ${signature} instead of ${expected}`);
}

function timeOf(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3:$4:$5'));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
