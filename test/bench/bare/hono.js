import { Hono } from 'hono';

/** An empty Hono Worker: one route. */
const app = new Hono();
app.get('/v2/', (c) => c.json({}));

export default app;
