import { env } from 'cloudflare:workers';
import { type App, createApp } from './app.ts';
import { createAll, type EdgeConfig } from './assemble.ts';
import { BYTE_BACKENDS } from './assembleBytes.ts';
import { BACKENDS } from './assembleCaches.ts';
import { ConfigError, parseConfig } from './config/config.ts';
import { openMetrics } from './metrics/open.ts';
import { RegistryError } from './oci/errors.ts';
import { createLogger } from './telemetry/log.ts';

/** Builds the application, once per isolate. A bad configuration is reported to every caller until it is fixed. */
function build(): App {
  let config: EdgeConfig;
  try {
    config = parseConfig(env as unknown as Record<string, unknown>, BACKENDS, BYTE_BACKENDS);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    createLogger('error').error(error.message);
    const body = new RegistryError('UNAVAILABLE', { message: error.message }).toBody();
    return { fetch: () => new Response(body, { status: 503, headers: { 'content-type': 'application/json' } }) };
  }
  const log = createLogger(config.logLevel);
  for (const warning of config.warnings) log.warn(warning);
  const { adminToken, metricsToken, metrics, analytics, debugSample } = config;
  return createApp({
    ...{ upstreams: createAll(config), log, adminToken, metricsToken, analytics },
    debug: { log: createLogger('debug'), share: debugSample },
    metrics: metrics && openMetrics(metrics()),
  });
}

export { MetricsObject } from './metrics/object.ts';
export { RepositoryObject } from './stores/durable/object.ts';

const edge = build();

export default {
  fetch: (request, bindings, ctx) => edge.fetch(request, bindings, ctx),
  // workerd accepts a CONNECT by itself; without a handler it then fails with an uncaught exception.
  connect: (socket) => socket.close(),
} satisfies ExportedHandler;
