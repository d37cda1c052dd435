import { describe, expect, it } from 'vitest';
import { Slots } from '../../backend/src/registry/slots.ts';

const never = new AbortController().signal;

describe('Slots', () => {
  it('grants up to its capacity, then in order of arrival', async () => {
    const slots = new Slots(2);
    const order: string[] = [];
    const [first] = await Promise.all([slots.acquire(1, never), slots.acquire(1, never)]);
    const third = slots.acquire(1, never).then(() => order.push('third'));
    const fourth = slots.acquire(1, never).then(() => order.push('fourth'));
    expect(slots.waiting).toBe(2);
    first();
    await third;
    expect(order).toEqual(['third']);
    expect(slots.waiting).toBe(1);
    void fourth;
  });

  it('lets one who must be alone wait for all, and nobody past it', async () => {
    const slots = new Slots(2);
    const order: string[] = [];
    const release = await slots.acquire(1, never);
    const alone = slots.acquire(2, never).then((done) => {
      order.push('alone');
      return done;
    });
    const late = slots.acquire(1, never).then(() => order.push('late'));
    release();
    const done = await alone;
    expect(order).toEqual(['alone']);
    done();
    await late;
    expect(order).toEqual(['alone', 'late']);
  });

  it('releasing twice frees one slot', async () => {
    const slots = new Slots(1);
    const release = await slots.acquire(1, never);
    release();
    release();
    await slots.acquire(1, never);
    void slots.acquire(1, never);
    expect(slots.waiting).toBe(1);
  });

  it('one who leaves the queue makes room for those behind', async () => {
    const slots = new Slots(2);
    await slots.acquire(1, never);
    const leaving = new AbortController();
    const alone = slots.acquire(2, leaving.signal);
    const behind = slots.acquire(1, never);
    leaving.abort();
    await expect(alone).rejects.toMatchObject({ code: 'client_closed_request' });
    await behind;
    expect(slots.waiting).toBe(0);
  });
});
