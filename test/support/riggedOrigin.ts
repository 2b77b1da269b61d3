import { setTimeout as delay } from 'node:timers/promises';
import { Content } from '../../local/origin/content.ts';
import { createRegistry } from '../../local/origin/registry.ts';
import { addSample } from '../../local/origin/sample.ts';
import { type Served, serveLocally } from '../../local/serve.ts';
import { ByRepository } from './byRepository.ts';
import type { RecordedRequest, Rule } from './rig.ts';

/**
 * Starts a registry that can be made to misbehave: the project's own in-memory one, behind rules that tests set over
 * HTTP (tests run in workerd, the registry in Node), with a record of all requests. Tests do not disturb each other
 * because each uses repositories of its own.
 */
export async function startRiggedOrigin(): Promise<Served> {
  const content = new Content();
  addSample(content);
  const registry = createRegistry(content);
  const rules = new ByRepository<Rule>((rule) => rule.prefix);
  const requests = new ByRepository<RecordedRequest>((sent) => sent.path);
  const held = new Map<string, () => void>();

  async function answerByRule(rule: Rule, request: Request): Promise<Response> {
    if (rule.holdAs) await new Promise<void>((resolve) => held.set(rule.holdAs ?? '', resolve));
    if (rule.afterBytes) await receiveBytes(request, rule.afterBytes);
    if (rule.delayMs) await delay(rule.delayMs);
    if (rule.status === undefined) return registry.fetch(request);
    const headers = new Headers(rule.headers);
    return new Response(request.method === 'HEAD' ? null : (rule.body ?? null), { status: rule.status, headers });
  }

  return serveLocally(async (request) => {
    const { pathname, searchParams, search } = new URL(request.url);
    switch (pathname) {
      case '/_rig/rules':
        rules.add((await request.json()) as Rule);
        return new Response(null, { status: 204 });
      case '/_rig/forget':
        for (const rule of rules.below(searchParams.get('prefix') ?? '')) rules.remove(rule);
        return new Response(null, { status: 204 });
      case '/_rig/requests':
        return Response.json(requests.below(searchParams.get('prefix') ?? ''));
      case '/_rig/release':
        held.get(searchParams.get('id') ?? '')?.();
        return new Response(null, { status: held.delete(searchParams.get('id') ?? '') ? 204 : 404 });
    }
    const { method } = request;
    const rule = rules
      .above(pathname)
      .find(
        ({ method: only = method, unlessAuthorization }) =>
          only === method &&
          (unlessAuthorization === undefined ||
            ![unlessAuthorization].flat().includes(request.headers.get('authorization') ?? '')),
      );
    if (!rule?.isUnrecorded) {
      requests.add({ method, path: pathname + search, headers: Object.fromEntries(request.headers) });
    }
    if (rule?.times !== undefined && --rule.times === 0) rules.remove(rule);
    return rule ? answerByRule(rule, request) : registry.fetch(request);
  });
}

/** Waits until this many bytes of a body have arrived. @throws Error the body ends before that */
async function receiveBytes({ body }: Request, bytes: number): Promise<void> {
  const reader = body?.getReader();
  for (let length = 0; length < bytes; ) {
    const chunk = await reader?.read();
    if (!chunk || chunk.done) throw new Error(`expected ${bytes} bytes, got ${length}`);
    length += chunk.value.length;
  }
}
