#!/usr/bin/env node
// Row 24: SIGTERM: within a second when idle, while the broker is down, while REST is down; running calls come to their end, or go back
// after a limit; none is lost, none answered twice. The second goes from the signal to the last line of the log: what the end of the
// process takes beyond that, under a sanitizer, is not ours; `make bench-soar` measures all of it.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { sleep, test } = require('./stand');

const SOON = 1000;

test(async (s, t) => {
    const stops = async (name, w, limit = SOON) => {
        const before = Date.now();
        t.is(`${name}: exit 0`, await w.stop(), 0);
        const stopped = /^(\S+ \S+),(\d+) INFO \[serve\] \[main\] stopped$/m.exec(w.log);
        const took = stopped ? Date.parse(`${stopped[1]}Z`) + Number(stopped[2]) - before : NaN;
        t.ok(`${name}: within ${limit} ms`, took <= limit, `${took} ms\n${w.log}`);
    };
    let w = await s.worker();
    await sleep(200);
    await stops('idle', w);
    t.is('idle: DISCONNECT', (await s.frames('up')).pop().command, 'DISCONNECT');
    t.has('idle: the broker had it all', w.log, 'disconnected');

    w = await s.worker();
    await s.tap('refuse', { on: true });
    await s.tap('cut', {});
    await w.says('next try in');
    await stops('broker down', w);
    await s.tap('refuse', { on: false });
    w = await s.worker();
    await s.tap('freeze', {});
    await stops('broker frozen', w);
    w = await s.worker({ wait: false });
    await w.says('logged in');
    await sleep(300);
    await stops('broker silent from the start', w);
    await s.tap('thaw', {});

    await s.platform('down', { on: true });
    w = await s.worker({ wait: false });
    await w.says('next try in');
    await stops('REST down', w);
    await s.platform('down', { on: false });
    await s.platform('faults', [{ match: '/rest/session', fault: 'hang', times: 0 }]);
    w = await s.worker({ wait: false });
    await w.says('settings: ');
    await sleep(300);
    await stops('REST silent', w);
    await s.platform('faults', []);

    w = await s.worker({ config: { resilient: { num_workers: 2 } } });
    let sent = (await s.platform('call', { value: 'running-*.example', count: 4 })).correlations;
    await w.says('running-2.example');
    await stops('two run, two wait', w, 2500);
    t.lacks('those that waited were not begun', w.log, 'running-3.example');
    let settled = await s.platform('settle', { ms: 300 });
    t.is('the two that ran were answered', settled.complete, 2);
    w = await s.worker();
    await s.platform('wait', { correlations: sent });
    settled = await s.platform('settle', { ms: 300 });
    t.is('the others by the next worker', [settled.complete, settled.lost, settled.duplicate], [4, [], []]);
    await w.stop();

    w = await s.worker({ config: { ptverdict: { stop_within: 0 } } });
    sent = (await s.platform('call', { value: 'late.example' })).correlations;
    await w.says('late.example');
    await stops('at its limit', w);
    t.has('at its limit: says so', w.log, 'handed back to the broker');
    w = await s.worker();
    await s.platform('wait', { correlations: sent });
    t.has('the next one takes it up', w.log, 'begun before and interrupted');
    settled = await s.platform('settle', { ms: 300 });
    t.is('none lost, none twice', [settled.lost, settled.duplicate], [[], []]);

    w.signal('SIGINT');
    t.is('SIGINT is the same', await w.ends(), 0);
}, ['--delay', '1500']);
