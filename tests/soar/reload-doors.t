#!/usr/bin/env node
// A reload that changes the HTTP doors while requests wait: each is answered, those under way by the old settings, and the doors then open
// anew.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const http = require('http');
const { test, until } = require('./stand');

test(async (s, t) => {
    const port = await new Promise((resolve) => {
        const server = http.createServer().listen(0, '127.0.0.1', () => {
            const found = server.address().port;
            server.close(() => resolve(found));
        });
    });
    const settings = (more) => ({ app: { timeout: 20 }, ptverdict: { http_listen: `127.0.0.1:${port}`, http_token: 'one', ...more } });
    const ask = (value, token) => fetch(`http://127.0.0.1:${port}/v1/verdict`, { method: 'POST', headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify({ value }) }).then(async (a) => `${a.status} ${(await a.json()).verdict}`, (e) => `nothing: ${e.cause || e}`);
    const w = await s.worker({ config: settings({}) });
    for (let round = 1; round <= 5; round++) { // the answer and the closing come in either order
        const [old, next] = round % 2 ? ['one', 'two'] : ['two', 'one'];
        await s.mock('control', [{ match: { query: `flagged-slow${round}.example`, endpoint: 'tags' }, fault: 'delay-2000' }]);
        const slow = ask(`flagged-slow${round}.example`, old);
        await until(async () => (await s.mock('stats')).open_connections, 5000, 'the question');
        s.config(settings({ http_token: next }));
        w.signal('SIGHUP');
        await until(() => w.log.split('reading settings and rules anew').length > round, 5000, 'the reload');
        const waiting = ask(`flagged-next${round}.example`, old);
        t.is(`${round}: a request whose lookup runs is answered`, await slow, '200 compromised');
        t.is(`${round}: and one that waits for the reload`, await waiting, '200 compromised');
        await until(() => w.log.split('settings and rules are in force').length > round, 5000, 'it to be in force');
        t.is(`${round}: then the new settings hold`, [await ask('quiet.example', next), await ask('quiet.example', old)], ['200 no_match', '401 undefined']);
    }
    const numbers = w.log.match(/\[http:\d+\] POST .*: \d+ in /g).map((line) => line.split(' ')[0]);
    t.is('no request has the name of another in the log', new Set(numbers).size, numbers.length);
    t.is('it stops', await w.stop(), 0);
});
