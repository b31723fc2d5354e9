#!/usr/bin/env node
// What a platform and its broker can do to a worker: each time the log says what is wrong and what mends it, nothing secret shows, and
// when it is over the worker serves without anybody's help.
// SPDX-License-Identifier: Apache-2.0
'use strict';
delete process.env.SOAR_STAND; // it waits long: a stand of its own, beside the others
const { test, sleep, until } = require('./stand');

const SAID = new RegExp('WARNING \\[broker\\] \\[main\\] (not STOMP 1\\.2|the broker sent HELLO|the headers of a message are over|' +
    'a message of 99999999999 bytes, over the limit)');

test(async (s, t) => {
    const serves = async (name, w) => {
        await w.up();
        t.is(`${name}: then it serves`, (await s.call({ value: 'flagged.example' })).pop().payload.results.success, true);
        t.ok(`${name}: no secret shown`, !/s3cr3t|s3cret/.test(w.log), w.log);
        t.is(`${name}: stopped`, await w.stop(), 0);
    };
    const rest = { // at login: a fault of REST, and the words for it
        html: 'the answer is no JSON', garbage: 'the answer is no JSON', empty: 'the answer is no JSON', cut: 'cut after', reset: 'closed before an answer came',
        500: 'HTTP 500', 429: 'HTTP 429', 302: 'HTTP 302',
    };
    for (const [fault, text] of Object.entries(rest)) {
        await s.platform('faults', [{ match: '/rest/session', fault }]);
        const w = await s.worker({ wait: false });
        await w.says('next try in');
        t.has(`REST: ${fault}`, w.log, text);
        t.has(`REST: ${fault}: what was asked`, w.log, 'GET https://localhost:');
        if (fault === 'html')
            await serves(`REST: ${fault}`, w);
        else
            t.is(`REST: ${fault}: stopped`, await w.stop(), 0);
    }
    for (const path of ['/rest/orgs/201?', '/functions/']) {
        await s.platform('faults', [{ match: path.replace('?', ''), fault: 503 }]);
        const w = await s.worker({ wait: false });
        await w.says('HTTP 503');
        await serves(`${path} fails`, w);
    }
    await s.platform('faults', [{ match: '/rest/const', fault: 'html', times: 0 }]);
    await serves('/rest/const is a courtesy', await s.worker());
    await s.platform('faults', []);

    for (const [cert, text] of [['expired', 'has expired'], ['wrong', 'is for another name']]) {
        await s.platform('cert', { name: cert });
        const w = await s.worker({ wait: false });
        await w.says('next try in');
        t.has(`REST certificate: ${cert}`, w.log, text);
        await s.platform('cert', { name: 'server' });
        await serves(`REST certificate: ${cert}`, w);
    }

    await s.platform('set', { key_secret: 'only-REST-knows' });
    let w = await s.worker({ wait: false, config: { resilient: { api_key_secret: 'only-REST-knows' } } });
    await w.says('refused the login');
    t.has('the broker refuses the login: tried again, not soon: accounts get locked', w.log, 'next try in 60.0 s');
    t.ok('the broker refuses the login: secret not shown', !w.log.includes('only-REST-knows'));
    t.is('the broker refuses the login: stopped', await w.stop(), 0);
    const { env, jump } = s.clock();
    w = await s.worker({ wait: false, env });
    await w.says('refused the login');
    await s.platform('set', { key_secret: 'REST-changed-too' });
    jump(0, 61);
    await w.says('next try in 600.0 s');
    t.has('the broker refuses the login: then REST is asked, which knows why', w.log, 'HTTP 401: the platform refused the API key');
    await s.platform('set', { key_secret: s.key.secret });
    s.config();
    await w.up();
    t.is('the broker refuses the login: with the right key it serves', (await s.call({ value: 'flagged.example' })).pop().payload.results.success, true);
    t.is('the broker refuses the login: stopped', await w.stop(), 0);
    await s.platform('set', { key_id: 'noread', key_secret: 'secret' });
    w = await s.worker({ wait: false, config: { resilient: { api_key_id: 'noread', api_key_secret: 'secret' } } });
    await w.says('let this API key read the message destination');
    t.is('a queue we may not read: stopped', await w.stop(), 0);
    await s.platform('set', { key_id: s.key.id, key_secret: s.key.secret });
    s.config();
    for (const [what, value, back, text] of [
        ['function not installed', { function: 'fn_other' }, { function: 'fn_passivetotal' }, 'fn_passivetotal is not installed on the platform'],
        ['actions switched off', { actions_enabled: false }, { actions_enabled: true }, 'actions are switched off for this organisation'],
    ]) {
        await s.platform('set', value);
        w = await s.worker({ wait: false });
        await w.says(text);
        t.has(`${what}: looked for again`, w.log, 'looking again in 60 s');
        t.is(`${what}: stopped`, await w.stop(), 0);
        await s.platform('set', back);
    }

    // A key that was good and is so no longer: one try, a long pause, and whoever mends it says so with SIGHUP.
    for (const [what, refuse] of [['401', () => s.platform('set', { key_secret: 'changed' })],
        ['403', () => s.platform('faults', [{ match: '/rest/session', fault: 403, times: 0 }])]]) {
        w = await s.worker();
        await refuse();
        s.config({ resilient: { num_workers: 5 } }); // another prefetch: the connection is made anew
        await w.says(`HTTP ${what}`);
        t.has(`${what} after a reload: the next try is far away`, w.log, 'next try in 600.0 s');
        const tries = async () => (await s.platform('requests')).filter((r) => r.url.startsWith('/rest/session')).length;
        const before = await tries();
        await sleep(3000);
        t.is(`${what} after a reload: nobody hammers`, await tries(), before);
        await s.platform('set', { key_secret: s.key.secret });
        await s.platform('faults', []);
        w.signal('SIGHUP');
        await until(() => w.log.split('subscribed to').length > 2, 15000, 'a new subscription');
        await serves(`${what} after a reload, mended, SIGHUP`, w);
        s.config();
    }

    w = await s.worker();
    for (const [name, text] of [
        ['an unknown command', 'HELLO\n\n\0'], ['a header without colon', 'MESSAGE\nno colon here\n\n\0'],
        ['an escape nobody knows', 'MESSAGE\nack:1\nx:a\\tb\n\n\0'], ['a length that is none', 'MESSAGE\ncontent-length:-5\n\nx\0'],
        ['a length too large', 'MESSAGE\ncontent-length:99999999999\n\nx\0'], ['no NUL behind the body', 'MESSAGE\ncontent-length:1\n\nxy\0'],
        ['a header without end', `MESSAGE\nx:${'y'.repeat(200000)}\n`],
    ]) {
        const before = w.log.length;
        await s.tap('inject', { dir: 'down', text });

        const { payload } = (await s.call({ value: `after-${before}.example` })).pop();
        t.is(`from the broker: ${name}: the line is made anew, calls go on`, payload.results.success, true);
        t.ok(`from the broker: ${name}: said`, SAID.test(w.log.slice(before)), w.log.slice(before));
    }
    await s.tap('inject', { dir: 'down', text: 'ERROR\nmessage:something\\nodd\\c\u001b[31m\n\nno more\0' });
    await w.says('the broker refused: something');
    t.ok('an ERROR is said, with nothing a terminal would obey', !w.log.includes('\u001b'));
    await s.tap('inject', { dir: 'down', text: 'MESSAGE\nsubscription:x\nmessage-id:1\n\n{}\0' });
    await w.says('without ack header');
    await s.tap('inject', { dir: 'down', text: 'RECEIPT\nreceipt-id:t999\n\n\0' });
    await serves('strange but readable frames', w);
});
