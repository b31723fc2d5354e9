#!/usr/bin/env node
// A reload that moves the state folder, the lock file or the log: the worker moves with them, status finds it, a second one does not start,
// and a lock that another one holds is a reason to refuse.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { spawnSync } = require('child_process');
const fs = require('fs');
const { test, until } = require('./stand');

test(async (s, t) => {
    const status = () => spawnSync(process.env.PTVERDICT || 'build/asan/ptverdict', ['status', '-c', `${s.dir}/app.config`]).status;
    const reloads = (n) => until(() => w.log.split('are in force').length > n, 15000, `reload ${n}`);
    const calls = (state) => spawnSync('grep', ['-c', 'flagged', `${s.dir}/${state}/decisions.ndjson`], { encoding: 'utf8' }).stdout.trim();
    const w = await s.worker();
    await s.call({ value: 'flagged-1.example' });
    fs.mkdirSync(`${s.dir}/elsewhere`);
    fs.mkdirSync(`${s.dir}/logs2`);
    s.config({ ptverdict: { state: `${s.dir}/elsewhere` }, resilient: { logdir: `${s.dir}/logs2` } });
    await reloads(1);
    t.is('another state folder: status finds the worker', status(), 0);
    const second = await s.worker({ wait: false });
    t.is('a second one does not start', await second.ends(), 75);
    await s.call({ value: 'flagged-2.example' });
    t.is('decisions are logged there', [calls('state'), calls('elsewhere')], ['1', '1']);
    t.has('calls are remembered there', fs.readFileSync(`${s.dir}/elsewhere/state.db-wal`, 'latin1') +
        fs.readFileSync(`${s.dir}/elsewhere/state.db`, 'latin1'), 'invid:');
    t.has('the log goes on there', fs.readFileSync(`${s.dir}/logs2/ptverdict.log`, 'utf8'), 'flagged-2.example is compromised');

    const third = await s.worker({ file: 'third.config', config: { ptverdict: { lock_file: `${s.dir}/taken.lock`, state: null }, resilient: { org: 'Second Org' } } });
    s.config({ ptverdict: { lock_file: `${s.dir}/taken.lock`, state: `${s.dir}/elsewhere` }, resilient: { logdir: `${s.dir}/logs2` } });
    await w.says('another instance runs');
    t.has('a lock that another one holds: refused', w.log, 'what was loaded before stays in force');
    t.is('and calls go on', (await s.call({ value: 'flagged-3.example' })).pop().payload.results.success, true);
    t.is('the other one stops', await third.stop(), 0);
    w.signal('SIGHUP');
    await reloads(2);
    t.is('once it is free it is taken', status(), 0);
    t.is('it stops', await w.stop(), 0);
    t.is('and holds nothing', status(), 1);
});
