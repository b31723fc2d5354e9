#!/usr/bin/env node
// Several workers on one destination: the work is shared; kill -9 of a worker, of all of them or of the broker loses nothing. (A worker
// that holds its line and says nothing: row-23.)
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('fs');
const { test, sleep, until } = require('./stand');

const WORKERS = 3;

test(async (s, t) => {
    const start = async (i) => {
        fs.mkdirSync(`${s.dir}/state-${i}`, { recursive: true });
        return s.worker({ file: `${i}.config`, config: {
            resilient: { num_workers: 4 }, ptverdict: { state: `${s.dir}/state-${i}` } } });
    };
    const ran = (w) => (w.log.match(/\] fn_passivetotal\(/g) || []).length;
    await s.mock('control', [{ fault: 'delay-100', times: 0 }]);
    const fleet = [];
    for (let i = 0; i < WORKERS; i++)
        fleet.push(await start(i));

    const { correlations } = await s.platform('call', { value: 'shared-*.example', count: 60 });
    await s.platform('wait', { correlations, timeout_ms: 30000 });
    const shares = fleet.map(ran);
    t.ok('work is shared: each of three has a fair part of 60 calls', shares.every((n) => n >= 10), JSON.stringify(shares));

    const first = await s.platform('call', { value: 'killed-*.example', count: 60 });
    await until(() => ran(fleet[0]) > shares[0], 5000, 'work');
    fleet[0].signal('SIGKILL');
    await s.platform('wait', { ...first, timeout_ms: 30000 });
    t.is('kill -9 of one: nothing lost, nothing twice', await s.platform('settle', { ms: 500 }), { sent: 120, complete: 120, duplicate: [], lost: [] });
    fleet[0] = await start(0);

    const second = await s.platform('call', { value: 'all-*.example', count: 60 });
    await until(() => ran(fleet[0]) > 0, 5000, 'work');
    fleet.forEach((w) => w.signal('SIGKILL'));
    await Promise.all(fleet.map((w) => w.ends()));
    for (let i = 0; i < WORKERS; i++)
        fleet[i] = await start(i);
    await s.platform('wait', { ...second, timeout_ms: 30000 });
    const all = await s.platform('settle', { ms: 500 });
    t.is('kill -9 of all: nothing lost, nothing twice', all, { sent: 180, complete: 180, duplicate: [], lost: [] });

    const third = await s.platform('call', { value: 'broker-*.example', count: 60 });
    await until(() => fleet.some((w) => ran(w) > 3), 5000, 'work');
    await s.broker('kill', {});
    await sleep(500);
    await s.broker('start', {});
    await s.platform('wait', { ...third, timeout_ms: 40000 });
    const { complete, lost } = await s.platform('settle', { ms: 500 });
    t.is('kill -9 of the broker: nothing lost', { complete, lost }, { complete: 240, lost: [] });

    await until(() => fleet.every((w) => (w.log.match(/subscribed to/g) || []).length > 1), 10000, 'all three back');
    for (const w of fleet)
        t.is('stopped', await w.stop(), 0);
});
