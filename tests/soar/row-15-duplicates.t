#!/usr/bin/env node
// Row 15: a call delivered again while it runs is not run twice; one delivered again after its end is answered from the store, across
// restarts, with the new ack id.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test, sleep } = require('./stand');

test(async (s, t) => {
    let w = await s.worker();
    // while it runs
    const running = (await s.platform('call', { value: 'running.example' })).correlations;
    await w.says('running.example');
    await s.tap('cut', {});
    await w.says('delivered again while it is running');
    await s.platform('wait', { correlations: running });
    const [first, second] = (await s.frames('down', 'MESSAGE')).map((f) => f.headers);
    t.is('the same message', first['message-id'], second['message-id']);
    t.ok('another ack id', first.ack !== second.ack);
    t.is('which is the one that is acknowledged', (await s.frames('up', 'ACK')).map((f) => f.headers.id), [second.ack]);

    // after its end, not delivered
    await s.tap('reset', {});
    await s.tap('rules', [{ dir: 'up', command: 'COMMIT', nth: 1, do: 'cut-before' }]);
    const done = (await s.platform('call', { value: 'finished.example' })).correlations;
    await s.platform('wait', { correlations: done });
    t.has('it is answered from the store', w.log, 'was finished before: its result is sent again');
    const acks = (await s.frames('up', 'ACK')).map((f) => f.headers.id);
    t.ok('with the new ack id', acks.length === 2 && acks[0] !== acks[1], JSON.stringify(acks));
    const begun = (await s.platform(`replies?correlation=${done[0]}`)).filter((r) => !r.complete && r.payload.message.startsWith('Starting'));
    t.is('and not run again: it was begun once', begun.length, 1);

    // after its end, by another process
    await s.tap('rules', [{ dir: 'up', command: 'COMMIT', nth: 1, do: 'drop' }]);
    const killed = (await s.platform('call', { value: 'killed.example' })).correlations;
    await w.says('killed.example is no_match');
    await sleep(300);
    w.signal('SIGKILL');
    await w.ends();
    const calls = (await s.mock('stats')).calls.tags;
    w = await s.worker();
    await s.platform('wait', { correlations: killed });
    t.has('a killed worker\'s result is sent by the next', w.log, 'was finished before: its result is sent again');
    t.is('without a call to the source', (await s.mock('stats')).calls.tags, calls);
    t.is('which counts them', calls, 3);
    t.is('nothing twice', (await s.platform('settle', { ms: 500 })).duplicate, []);
    t.is('stopped', await w.stop(), 0);
}, ['--delay', '2500']);
