#!/usr/bin/env node
// Row 29: num_workers calls at once, prefetch as set: three workers, nine calls of a second: three seconds.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test } = require('./stand');

test(async (s, t) => {
    const w = await s.worker({ config: { resilient: { num_workers: 3, stomp_prefetch_limit: 5 } } });
    t.is('prefetch', (await s.frames('up', 'SUBSCRIBE'))[0].headers['activemq.prefetchSize'], '5');
    await s.call({ value: 'warm.example' });
    const before = Date.now();
    const { correlations } = await s.platform('call', { value: 'slow-*.example', count: 9 });
    await s.platform('wait', { correlations, timeout_ms: 30000 });
    const took = Date.now() - before;
    t.ok('nine calls in three rounds', took >= 3000 && took < 4500, `${took} ms`);
    t.is('stopped', await w.stop(), 0);
}, ['--delay', '1000']);
