#!/usr/bin/env node
// Row 22: reconnect: the first try within a second, back within two of the broker's return; REST login too. (What happens after ten
// minutes is a matter of the clock: tests/unit/test_consumer.c.)
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { sleep, test, until } = require('./stand');

test(async (s, t) => {
    const ups = (w) => (w.log.match(/subscribed to/g) || []).length;
    await s.platform('down', { on: true });
    const w = await s.worker({ wait: false });
    await w.says('next try in');
    await sleep(3000);
    t.ok('REST down: it tries again', (w.log.match(/next try in/g) || []).length >= 2);
    t.is('and does not end', w.code, null);
    let before = Date.now();
    await s.platform('down', { on: false });
    await w.up();
    t.ok('subscribed within two seconds of REST coming back', Date.now() - before < 2500, `${Date.now() - before} ms`);

    before = Date.now();
    await s.tap('cut', {});
    await until(() => ups(w) === 2, 5000, 'subscribed again');
    t.ok('cut: subscribed again within a second', Date.now() - before < 1500, `${Date.now() - before} ms`);

    await s.tap('refuse', { on: true });
    await s.tap('cut', {});
    await sleep(5000);
    before = Date.now();
    await s.tap('refuse', { on: false });
    await until(() => ups(w) === 3, 10000, 'subscribed again');
    t.ok('away for five seconds: serving within two of its return', Date.now() - before < 2500, `${Date.now() - before} ms`);
    t.is('and it works', (await s.call({ value: 'quiet.example' })).pop().payload.results.success, true);
    const waits = [...w.log.matchAll(/next try in ([0-9.]+) s/g)].map((m) => Number(m[1]));
    t.ok('no two waits are the same', new Set(waits).size > 1, waits.join(' '));
    t.is('stopped', await w.stop(), 0);
});
