import { describe, expect, it } from 'vitest';
import { delay } from '../../src/async.ts';
import type { ByteStore, NewBytes } from '../../src/bytes/byteStore.ts';
import { type Filling, fillStream } from '../../src/bytes/fillStream.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { digestOf } from '../../src/oci/hash.ts';
import { createMemoryBytes } from '../support/memoryBytes.ts';

const PIECE = 10_000;
const PIECES = 20;
const SIZE = PIECE * PIECES;
/** What may be under way between the source and a client: a piece, and what the runtime holds of it. */
const HELD = 3 * PIECE;

/** An origin that sends a piece when the one before has been taken. */
class Source {
  readonly #stream = new IdentityTransformStream();
  readonly #writer = this.#stream.writable.getWriter();
  readonly body = this.#stream.readable as ReadableStream<Uint8Array>;
  /** How many bytes were taken. */
  taken = 0;
  isCancelled = false;

  constructor() {
    this.#writer.closed.catch(() => {
      this.isCancelled = true;
    });
  }

  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += PIECE) {
      await this.#writer.write(bytes.slice(at, at + PIECE));
      this.taken = Math.min(at + PIECE, bytes.length);
    }
  }

  end(): Promise<void> {
    return this.#writer.close();
  }

  breakOff(): Promise<void> {
    return this.#writer.abort(new Error('the origin has left'));
  }
}

/** A client that reads piece by piece. */
class Client {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  received = 0;

  constructor({ body }: Filling) {
    this.#reader = body.getReader();
  }

  /** Reads until so many bytes have come. */
  async read(bytes: number): Promise<void> {
    while (this.received < bytes) {
      const { value } = await this.#reader.read();
      if (!value) throw new Error(`ended after ${this.received} bytes`);
      this.received += value.length;
    }
  }

  /** @returns how the body ends */
  async readAll(): Promise<'whole' | 'broken'> {
    return this.read(SIZE).then(
      () => this.#reader.read().then(({ done }) => (done ? 'whole' : 'broken')),
      () => 'broken',
    );
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}

const BYTES = new Uint8Array(SIZE).map((_byte, at) => at % 251);
const OTHER_BYTES = BYTES.slice().fill(7, SIZE - 1);

interface World {
  readonly source: Source;
  readonly client: Client;
  readonly filling: Filling;
  readonly leaving: AbortController;
  readonly digest: Digest;
}

/** Begins a fill. */
async function begin(store: ByteStore, hasLeft = false): Promise<World> {
  const source = new Source();
  const leaving = new AbortController();
  if (hasLeft) leaving.abort();
  const digest = await digestOf(BYTES);
  const filling = fillStream(source.body, { store, digest, size: SIZE, left: leaving.signal });
  return { source, client: new Client(filling), filling, leaving, digest };
}

/** A store that does something else with what is put. */
const storeThat = (put: (bytes: NewBytes) => Promise<void>): ByteStore => ({ ...createMemoryBytes(), put });
const never = () => new Promise<never>(() => {});

describe('a fill', () => {
  it('passes the bytes to the client and into the store', async () => {
    const store = createMemoryBytes();
    const { source, client, filling, digest } = await begin(store);
    source.send(BYTES);
    expect([await client.readAll(), await filling.over]).toEqual(['whole', 'stored']);
    expect(await store.sizeOf(digest)).toBe(SIZE);
  });

  it('reads no more than a piece ahead of a client that does not read', async () => {
    const store = createMemoryBytes();
    const { source, client, filling } = await begin(store);
    source.send(BYTES);
    await client.read(1);
    await delay(100);
    expect(source.taken).toBeLessThan(HELD);
    await client.readAll();
    expect(await filling.over).toBe('stored');
  });

  it('reads no more than a piece ahead of a store that does not read, and gives it up after a second', async () => {
    const { source, client, filling } = await begin(storeThat(never));
    source.send(BYTES);
    const reading = client.readAll();
    await delay(500);
    expect([source.taken < HELD, client.received < HELD]).toEqual([true, true]);
    expect(await reading).toBe('whole');
    expect(await filling.over).toBe('slow');
  });

  it('goes on for the client where the store fails at once, half-way or at the end', async () => {
    const failAfter = (bytes: number) =>
      storeThat(async ({ body }) => {
        const reader = body.getReader();
        for (let read = 0; read < bytes; ) read += (await reader.read()).value?.length ?? SIZE;
        throw new Error('down');
      });
    for (const bytes of [0, SIZE / 2, SIZE]) {
      const { source, client, filling } = await begin(failAfter(bytes));
      source.send(BYTES);
      expect([await client.readAll(), await filling.over]).toEqual(['whole', 'failed']);
    }
  });

  it('breaks the client’s stream before its last byte where the bytes are wrong, and stores nothing', async () => {
    const store = createMemoryBytes();
    const { source, client, filling, digest } = await begin(store);
    source.send(OTHER_BYTES);
    expect([await client.readAll(), await filling.over]).toEqual(['broken', 'wrong']);
    expect(client.received).toBeLessThan(SIZE);
    expect(await store.sizeOf(digest)).toBeUndefined();
  });

  it('breaks the client’s stream where the origin’s breaks off or ends early, and stores nothing', async () => {
    for (const end of ['breakOff', 'end'] as const) {
      const store = createMemoryBytes();
      const { source, client, filling, digest } = await begin(store);
      source.send(BYTES.slice(0, SIZE / 2)).then(() => source[end]());
      expect([await client.readAll(), await filling.over]).toEqual(['broken', 'broken']);
      expect(await store.sizeOf(digest)).toBeUndefined();
    }
  });

  it('waits a second for the verdict of the store, then gives the client the last piece, and stores all the same', async () => {
    const real = createMemoryBytes();
    const verdict = Promise.withResolvers<void>();
    const { source, client, filling, digest } = await begin(
      storeThat(async (bytes) => {
        await real.put(bytes);
        await verdict.promise;
      }),
    );
    source.send(BYTES);
    const reading = client.readAll();
    await delay(500);
    expect(client.received).toBeLessThan(SIZE);
    expect(await reading).toBe('whole');
    verdict.resolve();
    expect(await filling.over).toBe('stored');
    expect(await real.sizeOf(digest)).toBe(SIZE);
  });
});

describe('when the client of a fill leaves', () => {
  /** A client's leaving is told by its stream, by the signal, or by both. */
  const WAYS: readonly [string, (world: World) => void][] = [
    ['by its stream', ({ client }) => void client.leave()],
    ['by the signal', ({ leaving }) => leaving.abort()],
  ];

  it.each(WAYS)('with more than a quarter missing, the origin’s body is cancelled: %s', async (_way, leave) => {
    const store = createMemoryBytes();
    const world = await begin(store);
    const sent = world.source.send(BYTES).catch(() => 'cancelled');
    await world.client.read(SIZE / 2);
    leave(world);
    expect([await world.filling.over, await sent]).toEqual(['left', 'cancelled']);
    expect([world.source.isCancelled, await store.sizeOf(world.digest)]).toEqual([true, undefined]);
  });

  it.each(WAYS)('with less missing, the blob is stored: %s', async (_way, leave) => {
    const store = createMemoryBytes();
    const world = await begin(store);
    world.source.send(BYTES);
    await world.client.read(SIZE * 0.8);
    leave(world);
    expect(await world.filling.over).toBe('stored');
    expect(await store.sizeOf(world.digest)).toBe(SIZE);
  });

  it('before the fill begins, the origin’s body is cancelled', async () => {
    const store = createMemoryBytes();
    const { filling, source, digest } = await begin(store, true);
    expect([await filling.over, await store.sizeOf(digest)]).toEqual(['left', undefined]);
    expect(await source.send(BYTES).catch(() => 'cancelled')).toBe('cancelled');
  });

  it('with less missing, and the store is lost, the origin’s body is cancelled', async () => {
    const world = await begin(
      storeThat(async ({ body }) => {
        const reader = body.getReader();
        for (let read = 0; read < SIZE * 0.85; ) read += (await reader.read()).value?.length ?? SIZE;
        throw new Error('down');
      }),
    );
    const sent = world.source.send(BYTES).catch(() => 'cancelled');
    await world.client.read(SIZE * 0.8);
    world.leaving.abort();
    expect([await world.filling.over, await sent]).toEqual(['left', 'cancelled']);
  });
});
