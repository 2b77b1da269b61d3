import { env } from 'cloudflare:workers';
import code from 'code';

/** Passes a request to an isolate of the Worker under test, a new one for each value of the header `Isolate`. */
export default {
  fetch(request) {
    const worker = env.LOADER.get(request.headers.get('isolate'), () => ({
      ...env.COMPATIBILITY,
      mainModule: 'main.js',
      modules: { 'main.js': code },
      env: env.VARIABLES,
      globalOutbound: null,
    }));
    return worker.getEntrypoint().fetch(request);
  },
};
