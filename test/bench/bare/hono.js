import { Hono } from 'hono';

/** A Hono Worker with one constant route. */
const app = new Hono();
app.get('/v2/', (c) => c.json({}));

export default app;
