#!/usr/bin/env node
// ActiveMQ keeps what was acknowledged in transactions until the connection ends, and gets slower with it. So the worker takes another one
// after 1,000 calls, when nothing is under way, and after 4,000 under any load, without losing one, answering one twice or calling that a loss.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test } = require('./stand');

test(async (s, t) => {
    const w = await s.worker({ config: { resilient: { num_workers: 25, loglevel: 'WARNING' } }, wait: false });
    let seen = 0;
    for (const [name, window, count, most] of [['with a call now and then', 1, 1100, 1000], ['under load', 50, 4300, 4100]]) {
        await s.platform('load', { count, window, value: 'same.example', timeout_ms: 120000 });
        const frames = (await s.tap('log')).filter((f) => f.dir === 'up').slice(seen);
        const lines = [...new Set(frames.map((f) => f.conn))].map((conn) => frames.filter((f) => f.conn === conn).map((f) => f.command));
        const acks = lines.map((line) => line.filter((command) => command === 'ACK').length);
        t.ok(`${name}: another connection in time`, lines.length > 1 && Math.max(...acks) <= most, acks.join(' '));
        t.is('    after a good-bye', lines.slice(0, -1).filter((line) => line.pop() !== 'DISCONNECT'), []);
        seen += frames.length;
    }
    const settled = await s.platform('settle', { ms: 300 });
    t.is('all are answered, none twice', [settled.complete, settled.lost, settled.duplicate], [5400, [], []]);
    t.is('no warning', w.log.match(/ (WARNING|ERROR) .*/g), null);
    t.is('stopped', await w.stop(), 0);
});
