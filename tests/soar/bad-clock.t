#!/usr/bin/env node
// The wall clock of a running worker jumps, a day forward and a day back: each call is answered once, what was kept is neither taken for
// fresh nor kept for ever, beats go on over the same connection, and status says that all is well.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { spawnSync } = require('child_process');
const fs = require('fs');
const { test, until } = require('./stand');

const DAY = 86400;

test(async (s, t) => {
    const { env, jump } = s.clock();
    const tags = async () => (await s.mock('stats')).calls.tags;
    const w = await s.worker({ config: { app: { timeout: 20 }, ptverdict: { lock_file: `${s.dir}/serve.lock` } }, env });
    const day = async (value) => {
        const { payload } = (await s.call({ value })).pop();
        t.is(`${value}: judged`, [payload.results.success, payload.results.decision.verdict], [true, 'compromised']);
        return Math.round((Date.parse(payload.results.decision.now) - Date.now()) / 1000 / DAY);
    };
    const status = () => spawnSync(process.env.PTVERDICT || 'build/asan/ptverdict', ['status', '-c', `${s.dir}/app.config`]).status;

    t.is('today', await day('flagged-a.example'), 0);
    t.is('asked again at once, it costs no call', [await day('flagged-a.example'), await tags()], [0, 1]);
    await s.mock('control', [{ match: { query: 'flagged-slow.example', endpoint: 'tags' }, fault: 'delay-4000' }]);
    const slow = await s.platform('call', { value: 'flagged-slow.example' });
    await w.says('flagged-slow.example) for');
    for (const [where, seconds] of [['a day ahead', DAY], ['a day back', -DAY], ['a year back', -365 * DAY], ['set right again', 0]]) {
        jump(seconds);
        const before = await tags();
        t.is(`${where}: the decision is of that time`, await day('flagged-a.example'), Math.round(seconds / DAY));
        t.is(`${where}: what was kept is no longer fresh`, await tags(), before + 1);
        t.is(`${where}: what is kept now is`, [await day('flagged-a.example'), await tags()], [Math.round(seconds / DAY), before + 1]);
    }
    const replies = (await s.platform('wait', slow)).filter((r) => r.complete);
    t.is('a call under way through all of it is answered once', [replies.length, replies[0].payload.results.decision.verdict], [1, 'compromised']);
    const beats = async () => (await s.frames('up', 'BEAT')).length;
    const heard = await beats();
    jump(DAY, 11); // one is due every ten seconds
    await until(async () => await beats() > heard, 5000, 'a beat of the worker');
    t.is('on the same connection', (await s.tap('')).accepted, 1);
    t.is('status: all is well', status(), 0);
    w.signal('SIGSTOP');
    fs.utimesSync(`${s.dir}/serve.lock.status`, Date.now() / 1000 + DAY, Date.now() / 1000 + DAY);
    t.is('a worker that stands still is not well because the clock was set back since', status(), 1);
    w.signal('SIGCONT');
    const settled = await s.platform('settle', {});
    t.is('nothing lost, nothing twice', [settled.lost, settled.duplicate], [[], []]);
    t.lacks('nothing went wrong', w.log, ' ERROR ');
    t.is('it stops', await w.stop(), 0);
});
