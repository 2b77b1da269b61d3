import type { Breakage } from '../mutation.ts';

/** "Secrets go nowhere new." */
export const LAW_9: readonly Breakage[] = [
  {
    wrong: 'the credential goes along the redirect of a HEAD',
    file: 'src/origin/statBlob.ts',
    text: "const sent = anonymousHeaders(method === 'GET' ? FIRST_BYTE : null);",
    replacement: 'const sent = question.headers;',
    caughtBy: 'test/origin/statBlob.test.ts',
  },
  {
    wrong: 'the credential goes along the redirect of a GET',
    file: 'src/origin/client.ts',
    text: "{ method: 'GET', headers: markRedirected(ctx, headers), signal }",
    replacement: "{ method: 'GET', headers: new Headers([...ctx.request.headers, ...headers]), signal }",
    caughtBy: 'test/routes/registry/blobRedirects.test.ts',
  },
  {
    wrong: 'the credential goes to a place that is examined',
    file: 'src/origin/client.ts',
    text: "{ method: 'GET', headers: markRedirected(ctx, anonymousHeaders()) }",
    replacement: "{ method: 'GET', headers: requestHeaders(ctx.request.headers, { askedAs, for: 'question' }) }",
    caughtBy: 'test/upstream/learnStorage.test.ts',
  },
  {
    wrong: 'the platform follows redirects, and takes custom headers along',
    file: 'src/origin/exchange.ts',
    text: "redirect: 'manual',",
    replacement: "redirect: 'follow',",
    caughtBy: 'test/origin/exchange.test.ts',
  },
  {
    wrong: 'the message of an error is logged, which may hold a signed URL',
    file: 'src/telemetry/log.ts',
    text: 'return error.cause === undefined ? error.name :',
    replacement: 'return error.cause === undefined ? `${error.name} ${error.message}` :',
    caughtBy: 'test/telemetry/log.test.ts',
  },
  {
    wrong: 'the query of a request is logged, which may hold a signature',
    file: 'src/assembleTelemetry.ts',
    text: 'path: ctx.target.path,\n    status',
    replacement: 'path: ctx.target.path + ctx.target.search,\n    status',
    caughtBy: 'test/app.test.ts',
  },
  {
    wrong: 'a credential is logged',
    file: 'src/assembleTelemetry.ts',
    text: 'cache: cacheStatus(ctx.events),',
    replacement: 'cache: cacheStatus(ctx.events),\n    caller: ctx.caller,',
    caughtBy: 'test/upstream/access.test.ts',
  },
  {
    wrong: 'a value of a variable is printed',
    file: 'src/config/settings.ts',
    text: 'problems.push(`${label}${name}: ${reading.problem}`);',
    replacement: 'problems.push(`${label}${name}: ${reading.problem} (${env[name]})`);',
    caughtBy: 'test/config/config.test.ts',
  },
  {
    wrong: 'a redirect of a public origin may lead into the private network',
    file: 'src/origin/redirect.ts',
    text: 'if (isPrivateHost(to.hostname) && !isPrivateHost(policy.origin.hostname)) return undefined;',
    replacement: '',
    caughtBy: 'test/origin/redirect.test.ts',
  },
  {
    wrong: 'a redirect may lead to the metadata service of a cloud',
    file: 'src/origin/redirect.ts',
    text: 'if (isMetadataHost(to.hostname) && to.hostname !== policy.origin.hostname) return undefined;',
    replacement: '',
    caughtBy: 'test/origin/redirect.test.ts',
  },
  {
    wrong: 'a pattern of REDIRECT_HOSTS allows hosts that only end alike',
    file: 'src/origin/redirect.ts',
    text: 'hostname.endsWith(pattern.slice(1))',
    replacement: 'hostname.endsWith(pattern.slice(2))',
    caughtBy: 'test/origin/redirect.test.ts',
  },
  {
    wrong: 'an open mirror sends the caller’s identity to the origin',
    file: 'src/http/headers.ts',
    text: "if (options.askedAs === 'nobody' && !isForEverybody(name, options)) continue;",
    replacement: '',
    caughtBy: 'test/upstream/access.test.ts',
  },
];
