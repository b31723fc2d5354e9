#!/usr/bin/env node
// Row 23: a peer that holds the line and says nothing is given up after 30 to 35 s, also just after connecting; a REST service that
// does so is given up too. Row 35: whoever looks sees it meanwhile. And a worker that stands still is replaced by another one. One real
// wait of 35 s for all of them, since beats are counted in seconds.
// SPDX-License-Identifier: Apache-2.0
'use strict';
delete process.env.SOAR_STAND; // it waits long: a stand of its own, beside the others
const { spawnSync } = require('child_process');
const fs = require('fs');
const { test, startHelper, until } = require('./stand');

const PT = process.env.PTVERDICT || 'build/ptverdict';

test(async (s, t) => {
    const status = (file) => spawnSync(PT, ['status', '-c', `${s.dir}/${file}`], { encoding: 'utf8' });
    const own = (name, more = {}) => ({ // a worker with files of its own, on a line of its own
        file: `${name}.config`, wait: false, config: { ...more, ptverdict: { state: null, lock_file: `${s.dir}/${name}.lock`, ...more.ptverdict } },
    });
    const { stomp } = await s.broker('');
    const lines = {};
    for (const name of ['frozen', 'early', 'connect'])
        lines[name] = await startHelper('tests/soar/tap.js', ['--to', stomp, '--certs', s.certs]);
    const ask = async (name, what, value) => (await fetch(`${lines[name].url}/${what}`,
        value === undefined ? {} : { method: 'POST', body: JSON.stringify(value) })).json();
    const worker = async (name) => s.worker(own(name, { resilient: { stomp_port: (await ask(name, '')).port } }));

    await ask('early', 'rules', [{ dir: 'down', command: 'CONNECTED', do: 'freeze-after' }]);
    await ask('connect', 'rules', [{ dir: 'up', command: 'CONNECT', do: 'freeze-before' }]);
    const frozen = await worker('frozen'), early = await worker('early'), connect = await worker('connect');
    await frozen.up();
    await early.up();
    t.ok('35: connected: status ends with 0', await until(() => status('frozen.config').status === 0, 5000, 'status that ends with 0'));
    const before = await s.platform('call', { value: 'first.example' });
    await s.platform('wait', before);
    await ask('frozen', 'freeze', {});
    const since = Date.now();
    const second = { resilient: { org: 'Second Org' } };
    const still = await s.worker(own('still', second)), other = await s.worker(own('other', second));
    await still.up();
    await other.up();
    still.signal('SIGSTOP');
    const shared = await s.platform('call', { value: 'shared-*.example', count: 12, org: 202 });
    await s.platform('faults', [{ match: '/rest/session', fault: 'hang' }]);
    const rest = await s.worker(own('rest'));
    await frozen.says('next try in', 40000);
    const took = (Date.now() - since) / 1000;
    t.ok('noticed after 30 to 35 s', took >= 29 && took <= 35.5, `${took} s`);
    t.is('35: by then status does not end with 0', status('frozen.config').status, 1);
    t.has('35: and says why', status('frozen.config').stdout, 'nothing heard from the broker');
    await early.says('next try in', 10000);
    t.ok('just after connecting too', true);
    await rest.says('next try in', 10000);
    t.has('a silent REST service: given up', rest.log, 'no answer from localhost');
    await rest.up();
    t.ok('then asked again', true);
    t.has('no goodbye to the login: given up', connect.log + (connect.log.includes('next try') ? '' : (await connect.says('next try in', 40000), connect.log)), 'next try');
    await ask('frozen', 'thaw', {});
    const after = await s.platform('call', { value: 'after.example' });
    t.is('calls go on', (await s.platform('wait', { ...after, timeout_ms: 20000 })).pop().payload.results.success, true);
    const ticks = fs.readFileSync(`/proc/${rest.child.pid}/stat`, 'utf8').split(' ').slice(13, 15).reduce((a, b) => a + Number(b), 0);
    t.ok('who waits for REST does nothing meanwhile: under 5 s of processor time', ticks < 500, `${ticks} ticks`);
    const replies = await s.platform('wait', { ...shared, timeout_ms: 30000 });
    t.is('what a worker held that stands still is done by another', replies.filter((r) => r.complete).length, 12);
    t.ok('it held some', Date.now() - since > 15000 && !still.log.includes('shared-'));
    still.signal('SIGCONT');
    const { duplicate, lost } = await s.platform('settle', { ms: 1500 });
    t.is('when it wakes up nothing is answered twice', { duplicate, lost }, { duplicate: [], lost: [] });
    const all = [frozen, early, connect, rest, still, other];
    all.forEach((w) => w.signal('SIGTERM'));
    t.is('all stop in good order', await Promise.all(all.map((w) => w.ends())), all.map(() => 0));
});
