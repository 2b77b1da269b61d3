import { env } from 'cloudflare:workers';

/** Passes a request to an isolate of the Worker under test, a new one for each value of the header `Isolate`. */
export default {
  fetch(request) {
    const worker = env.LOADER.get(request.headers.get('isolate'), () => ({ ...env.WORKER, globalOutbound: null }));
    return worker.getEntrypoint().fetch(request);
  },
};
