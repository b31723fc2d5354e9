#!/usr/bin/env node
// Row 14: the broker is killed after results were sent and before the platform read them: they are still there. Then it is killed
// with calls under way: each is answered once.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test, sleep, until } = require('./stand');

test(async (s, t) => {
    const w = await s.worker({ config: { resilient: { num_workers: 5 } } });
    await s.platform('read', { on: false });
    const { correlations } = await s.platform('call', { value: 'kept-*.example', count: 20 });
    await until(async () => (await s.frames('down', 'RECEIPT')).length > 0 && (await s.frames('up', 'ACK')).length === 20, 15000, 'ACKs');
    const results = (await s.frames('up', 'SEND')).filter((f) => f.body.includes('"complete": true'));
    t.is('every result is persistent', [results.length, results.every((f) => f.headers.persistent === 'true' && f.headers.transaction)], [20, true]);
    await until(async () => (await s.frames('down', 'RECEIPT')).length === (await s.frames('up', 'COMMIT')).length, 5000, 'receipts');
    t.is('nobody has read one', (await s.platform('replies')).filter((r) => r.complete).length, 0);

    await s.broker('kill', {});
    await sleep(300);
    await s.broker('start', {});
    await s.platform('read', {});
    const replies = await s.platform('wait', { correlations, timeout_ms: 30000 });
    t.is('all 20 are there', replies.filter((r) => r.complete).length, 20);
    t.is('none twice', (await s.platform('settle', { ms: 500 })).duplicate, []);

    await s.mock('control', [{ fault: 'delay-700', times: 0 }]);
    const busy = await s.platform('call', { value: 'busy-*.example', count: 10 });
    await w.says('busy-5.example) for');
    await s.broker('kill', {});
    const died = Date.now();
    await s.broker('start', {});
    const back = Date.now();
    await until(async () => (await s.tap('')).connections > 0, 10000, 'a new connection');
    t.ok('connected within two seconds of its return', Date.now() - back < 2000 + (back - died) / 4, `${Date.now() - back} ms`);
    await s.platform('wait', { ...busy, timeout_ms: 30000 });
    const { complete, duplicate, lost } = await s.platform('settle', { ms: 1000 });
    t.is('calls under way: each answered, once', { complete, duplicate, lost }, { complete: 30, duplicate: [], lost: [] });
    t.is('stopped', await w.stop(), 0);
});
