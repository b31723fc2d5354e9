#!/usr/bin/env node
// Row 25: app.config changes while a call of 5 s runs: its result arrives, the new settings are in force, nobody is killed.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('fs');
const { test, until } = require('./stand');

test(async (s, t) => {
    const w = await s.worker({ config: { app: { timeout: 20 } } });
    await s.mock('control', [{ match: { query: 'flagged-slow.example' }, fault: 'delay-5000' }]);
    const { correlations } = await s.platform('call', { value: 'flagged-slow.example' });
    await w.says('flagged-slow.example) for');
    s.config({ app: { timeout: 20, passivetotal_tags: 'nothing-of-that-kind' } }); // noticed within two seconds
    await w.says('reading settings and rules anew');
    const { correlations: next } = await s.platform('call', { value: 'flagged-next.example' });
    const [slow] = (await s.platform('wait', { correlations })).filter((r) => r.complete);
    t.is('the running call is answered, by the settings it began with', slow.payload.results.decision.verdict, 'compromised');
    const [quick] = (await s.platform('wait', { correlations: next })).filter((r) => r.complete);
    t.is('the one behind it by the new ones', quick.payload.results.decision.verdict, 'no_match');
    t.is('on the same connection', (await s.tap('')).accepted, 1);

    s.config({ app: { passivetotal_tags: 'apt' }, ptverdict: { rulez: 'x' } });
    await w.says("unknown setting 'rulez'");
    t.has('settings that are wrong are refused, the old ones stay', w.log, 'what was loaded before stays in force');
    t.is('which shows', (await s.call({ value: 'flagged-3.example' })).pop().payload.results.decision.verdict, 'no_match');

    s.config({ app: { passivetotal_tags: 'apt' } });
    fs.writeFileSync(`${s.dir}/rules/20-broken.lua`, 'rule { id = \n');
    w.signal('SIGHUP');
    await w.says('20-broken.lua');
    t.is('so are rules that do not load', (await s.call({ value: 'flagged-4.example' })).pop().payload.results.decision.verdict, 'no_match');
    fs.unlinkSync(`${s.dir}/rules/20-broken.lua`);
    w.signal('SIGHUP');
    await w.says('settings and rules are in force');
    s.config({ app: { passivetotal_tags: 'apt' }, resilient: { num_workers: 7, stomp_prefetch_limit: 9 } });
    await until(async () => (await s.frames('up', 'SUBSCRIBE')).length === 2, 15000, 'a new subscription');
    t.is('what concerns the broker makes a new connection', (await s.frames('up', 'SUBSCRIBE'))[1].headers['activemq.prefetchSize'], '9');
    t.ok('after a goodbye on the old one', (await s.frames('up', 'DISCONNECT')).length === 1);
    t.is('and goes on', (await s.call({ value: 'flagged-5.example' })).pop().payload.results.decision.verdict, 'compromised');
    t.is('stopped', await w.stop(), 0);
});
