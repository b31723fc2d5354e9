#!/usr/bin/env node
// Row 28: a missing CA file, a second instance and settings that are wrong never end with 0.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('fs');
const { test } = require('./stand');

test(async (s, t) => {
    const ends = async (name, config, code, text, how) => {
        s.config(config, 'bad.config');
        const w = await s.worker({ file: 'bad.config', wait: false, ...how });
        t.is(`${name}: exit code`, await w.ends(), code);
        t.has(`${name}: says why`, w.log, text);
    };
    await ends('a missing CA file', { resilient: { cafile: '/nowhere/ca.pem' } }, 22, 'cafile in [resilient]: the CA file /nowhere/ca.pem');
    await ends('a missing CA file of the broker', { resilient: { stomp_cafile: '/nowhere/ca.pem' } }, 22, 'stomp_cafile in [resilient]');
    await ends('no host', { resilient: { host: null } }, 78, '[resilient] host is not set');
    await ends('no login', { resilient: { api_key_id: null } }, 78, 'set api_key_id and api_key_secret');
    await ends('num_workers out of range', { resilient: { num_workers: 0 } }, 78, 'num_workers in [resilient] must be a number from 1 to 2000');
    await ends('a number that is none', { resilient: { stomp_port: 'https' } }, 78, "stomp_port in [resilient] must be a number from 1 to 65535, not 'https'");
    await ends('a log level nobody knows', { resilient: { loglevel: 'LOUD' } }, 78, 'loglevel in [resilient] must be');
    await ends('a setting nobody knows', { ptverdict: { rulez: 'x' } }, 78, "unknown setting 'rulez'");
    await ends('a log folder that cannot be', { resilient: { logdir: '/proc/nowhere/logs' } }, 78, 'set logdir in [resilient]');
    fs.writeFileSync(`${s.dir}/no.config`, 'no section = 1\n');
    const bad = await s.worker({ file: 'no.config', wait: false });
    t.is('a file that is no app.config', await bad.ends(), 78);

    s.config();
    const first = await s.worker();
    const second = await s.worker({ wait: false });
    t.ok('a second instance', ![0, 'still there'].includes(await second.ends()), String(second.code));
    t.has('says who holds the lock', second.log, `another instance runs (process ${first.child.pid} holds`);
    t.is('the first goes on', (await s.call({ value: 'quiet.example' })).pop().payload.results.success, true);
    t.is('stopped', await first.stop(), 0);
    const third = await s.worker();
    t.is('then there is room for another', await third.stop(), 0);
});
