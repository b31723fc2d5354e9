#!/usr/bin/env node
// Each call's replies arrive in order, "Starting", "Finished", result, while the machine has other things to do: for answers that are there
// at once, that come about when "Starting" is said ahead of them, and later.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { spawn } = require('child_process');
const { test } = require('./stand');

const kind = (r) => (r.complete ? 'result' : r.payload.message.split(' ')[0]);

test(async (s, t) => {
    const w = await s.worker({ config: { resilient: { num_workers: 25 } } });
    const busy = [1, 2].map(() => spawn('timeout', ['60', process.execPath, '-e', 'for (;;);']));
    try {
        for (const delay of [0, 20, 60]) {
            const { correlations } = await s.platform('call', { value: `delay-${delay}.tags.n-*.example`, count: 70 });
            const replies = await s.platform('wait', { correlations, timeout_ms: 60000 });
            const orders = correlations.map((c) => replies.filter((r) => r.correlation === c).map(kind).join(' '));
            t.is(`answers after ${delay} ms`, orders.filter((o) => o !== 'Starting Finished result'), []);
        }
    } finally {
        busy.forEach((child) => child.kill());
    }
    t.is('stopped', await w.stop(), 0);
});
