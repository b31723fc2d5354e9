#!/usr/bin/env node
// Row 29: num_workers calls at once, prefetch as set: three workers, nine calls of a second: three rounds. How long they take beyond
// their three seconds is measured by `make bench-soar`.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test } = require('./stand');

test(async (s, t) => {
    const w = await s.worker({ config: { resilient: { num_workers: 3, stomp_prefetch_limit: 5 } } });
    t.is('prefetch', (await s.frames('up', 'SUBSCRIBE'))[0].headers['activemq.prefetchSize'], '5');
    await s.call({ value: 'warm.example' }); // the quota is asked for once
    await s.mock('reset', {});
    await s.tap('reset', {});
    const before = Date.now();
    const { correlations } = await s.platform('call', { value: 'slow-*.example', count: 9 });
    await s.platform('wait', { correlations, timeout_ms: 30000 });
    t.ok('nine calls take three rounds', Date.now() - before >= 3000);
    const calls = await s.mock('stats');
    t.is('of three at once, neither more nor fewer', [calls.calls.tags, calls.in_flight_max], [9, 3]);
    const frames = await s.tap('log');
    const most = (change) => frames.reduce(([now, max], f) => [now + change(f), Math.max(max, now + change(f))], [0, 0])[1];
    t.is('none is begun before there is room', most((f) => (f.command !== 'SEND' ? 0 : f.body.includes('Starting') ? 1 : f.body.includes('"complete": true') ? -1 : 0)), 3);
    t.is('five of them are here at a time', most((f) => ({ MESSAGE: 1, ACK: -1 })[f.command] || 0), 5);
    t.is('stopped', await w.stop(), 0);
}, ['--delay', '1000']);
