// Drives a queue with Microsoft's JavaScript client: node client.mjs <connection string> <queue>.
// NODE_MODULES names the folder with @azure/service-bus. Prints "ok <step>" for each step; exits with 1 at the first
// that fails.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.NODE_MODULES, 'x.js'));
const { ServiceBusClient } = require('@azure/service-bus');
const Long = require('long');

const [connection, queue] = process.argv.slice(2);
const client = new ServiceBusClient(connection, { retryOptions: { maxRetries: 1, retryDelayInMs: 200 } });
const sender = client.createSender(queue);
const receiver = client.createReceiver(queue);
const dead = client.createReceiver(queue, { subQueueType: 'deadLetter' });

async function one(from = receiver) {
  const messages = await from.receiveMessages(1, { maxWaitTimeInMs: 10000 });
  assert.equal(messages.length, 1);
  return messages[0];
}

const steps = {
  'send, receive, complete': async () => {
    await sender.sendMessages({ body: { answer: 42 }, messageId: 'm1', subject: 's', applicationProperties: { a: 'b', n: 7 } });
    const m = await one();
    assert.deepEqual(m.body, { answer: 42 });
    assert.equal(m.messageId, 'm1');
    assert.equal(m.subject, 's');
    assert.deepEqual(m.applicationProperties, { a: 'b', n: 7 });
    assert.equal(m.deliveryCount, 0); // this client does not add one
    assert.ok(m.lockedUntilUtc > new Date());
    await receiver.completeMessage(m);
  },
  'receive with a time limit and nothing there (drain)': async () => {
    assert.equal((await receiver.receiveMessages(5, { maxWaitTimeInMs: 300 })).length, 0);
    await sender.sendMessages({ body: 'after the drain' });
    await receiver.completeMessage(await one());
  },
  'batch, fewer than asked for': async () => {
    const batch = await sender.createMessageBatch();
    for (let i = 0; i < 20; i++) assert.ok(batch.tryAddMessage({ body: `b${i}` }));
    await sender.sendMessages(batch);
    const got = [];
    while (got.length < 20) {
      for (const m of await receiver.receiveMessages(50, { maxWaitTimeInMs: 5000 })) {
        got.push(m.body);
        await receiver.completeMessage(m);
      }
    }
    assert.deepEqual(got, Array.from({ length: 20 }, (_, i) => `b${i}`));
  },
  'a large message': async () => {
    const body = Buffer.alloc(300 * 1024, 'xyz');
    await sender.sendMessages({ body });
    const m = await one();
    assert.ok(body.equals(m.body));
    await receiver.completeMessage(m);
  },
  'abandon': async () => {
    await sender.sendMessages({ body: 'abandon' });
    await receiver.abandonMessage(await one(), { why: 'busy' });
    const m = await one();
    assert.equal(m.deliveryCount, 1);
    assert.equal(m.applicationProperties.why, 'busy');
    await receiver.completeMessage(m);
  },
  'renew': async () => {
    await sender.sendMessages({ body: 'renew' });
    const m = await one();
    const before = m.lockedUntilUtc;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok((await receiver.renewMessageLock(m)) > before);
    await receiver.completeMessage(m);
    await assert.rejects(receiver.renewMessageLock(m), { code: 'MessageLockLost' });
  },
  'defer and receive by number': async () => {
    await sender.sendMessages({ body: 'defer' });
    const m = await one();
    await receiver.deferMessage(m, { later: true });
    const [again] = await receiver.receiveDeferredMessages([m.sequenceNumber]);
    assert.equal(again.body, 'defer');
    assert.equal(again.applicationProperties.later, true);
    await receiver.completeMessage(again);
  },
  'dead-letter': async () => {
    await sender.sendMessages({ body: 'bad' });
    await receiver.deadLetterMessage(await one(), { deadLetterReason: 'unreadable', deadLetterErrorDescription: 'why', extra: 1 });
    const m = await one(dead);
    assert.equal(m.deadLetterReason, 'unreadable');
    assert.equal(m.deadLetterErrorDescription, 'why');
    assert.equal(m.applicationProperties.extra, 1);
    await dead.completeMessage(m);
  },
  'peek': async () => {
    await sender.sendMessages([{ body: 'p1' }, { body: 'p2' }]);
    const peeked = await receiver.peekMessages(10, { fromSequenceNumber: Long.fromNumber(0) });
    assert.deepEqual(peeked.map((m) => m.body), ['p1', 'p2']);
    assert.equal(peeked[0].state, 'active');
    for (let i = 0; i < 2; i++) await receiver.completeMessage(await one());
    assert.equal((await receiver.peekMessages(10, { fromSequenceNumber: Long.fromNumber(0) })).length, 0);
  },
  'schedule and cancel': async () => {
    const at = new Date(Date.now() + 1000);
    const [soon] = await sender.scheduleMessages({ body: 'soon' }, at);
    const never = await sender.scheduleMessages({ body: 'never' }, new Date(Date.now() + 3600e3));
    await sender.cancelScheduledMessages(never);
    const m = await one();
    assert.equal(m.body, 'soon');
    assert.ok(soon.toNumber() > 0 && Date.now() >= at.getTime());
    await receiver.completeMessage(m);
  },
  'receive and delete': async () => {
    const taker = client.createReceiver(queue, { receiveMode: 'receiveAndDelete' });
    await sender.sendMessages({ body: 'once' });
    assert.equal((await one(taker)).body, 'once');
    await taker.close();
    assert.equal((await receiver.peekMessages(1, { fromSequenceNumber: Long.fromNumber(0) })).length, 0);
  },
  'subscribe': async () => {
    const got = [];
    const done = new Promise((resolve, reject) => {
      const subscription = receiver.subscribe({
        processMessage: async (m) => {
          got.push(m.body);
          if (got.length === 10) resolve(subscription);
        },
        processError: async (e) => reject(e.error),
      }, { maxConcurrentCalls: 3 });
    });
    for (let i = 0; i < 10; i++) await sender.sendMessages({ body: i });
    await (await done).close();
    assert.deepEqual(got.sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  },
  'no message sessions': async () => {
    await assert.rejects(client.acceptSession(queue, 's1'), /Failed to create a receiver/);
  },
};

const only = process.env.ONLY;
try {
  for (const [name, step] of Object.entries(steps)) {
    if (only && name !== only) continue;
    await step().catch((e) => { throw new Error(`${name}: ${e.stack}`); });
    console.log('ok', name);
  }
} catch (e) {
  console.error(e.message);
  process.exitCode = 1;
} finally {
  await client.close();
}
