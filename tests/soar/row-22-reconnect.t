#!/usr/bin/env node
// Row 22: reconnect: the first try within a second, after five seconds the next is never more than two away; REST login too. What happens
// after ten minutes is a matter of the clock: tests/unit/test_consumer.c and test_platform.c. What the connect itself takes is measured by
// `make bench-soar`.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { sleep, test, until } = require('./stand');

test(async (s, t) => {
    const ups = () => (w.log.match(/subscribed to/g) || []).length;
    let said = 0;
    /** The pauses announced since the last time. */
    const waits = () => {
        const all = [...w.log.matchAll(/next try in ([0-9.]+) s/g)].map((m) => Number(m[1]));
        const out = all.slice(said);
        said = all.length;
        return out;
    };
    const soon = (name, list, least) => t.ok(name, list.length >= least && list[0] <= 1 && Math.max(...list) <= 2, list.join(' '));

    await s.platform('down', { on: true });
    const w = await s.worker({ wait: false });
    await w.says('next try in');
    await sleep(5000);
    t.is('REST down: it does not end', w.code, null);
    await s.platform('down', { on: false });
    await w.up();
    const all = waits();
    soon('REST down: tried again within a second, then within two', all, 3);

    await s.tap('cut', {});
    await until(() => ups() === 2, 10000, 'subscribed again');
    const [cut] = waits();
    t.ok('cut: the first try is within a second', cut <= 1, `${cut} s`);

    await s.tap('refuse', { on: true });
    await s.tap('cut', {});
    await sleep(5000);
    await s.tap('refuse', { on: false });
    await until(() => ups() === 3, 10000, 'subscribed again');
    const away = waits();
    soon('broker away for five seconds: tried again within a second, then within two', away, 3);
    t.is('and it works', (await s.call({ value: 'quiet.example' })).find((r) => r.complete).payload.results.success, true);
    t.ok('no two waits are the same', new Set([...all, ...away]).size > 2, [...all, ...away].join(' '));
    t.is('stopped', await w.stop(), 0);
});
