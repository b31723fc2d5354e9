#!/usr/bin/env node
// Row 27: selftest with the exit codes of the framework, each produced on purpose; no secret shown, no call taken off the queue.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { spawn } = require('child_process');
const { startHelper, test, PT } = require('./stand');

test(async (s, t) => {
    const run = (args = []) => new Promise((resolve) => {
        const child = spawn(PT, ['selftest', '-vv', '-c', `${s.dir}/app.config`, ...args]);
        let text = '';
        for (const out of [child.stdout, child.stderr])
            out.on('data', (bytes) => { text += bytes; });
        child.on('close', (code) => resolve({ code, text }));
    });
    const ends = async (name, code, text, resilient) => {
        s.config({ resilient: { selftest_timeout: 2, ...resilient } });
        const r = await run();
        t.is(`${code}: ${name}`, r.code, code);
        t.has(`${code}: says why`, r.text, text);
        t.ok(`${code}: shows no secret`, !/wr0ng|s3cr3t|s3cret|pass word/.test(r.text), r.text);
    };
    const mail = { api_key_id: null, api_key_secret: null, email: 'worker@example.com' };
    const waiting = (await s.platform('call', { value: 'waiting.example' })).correlations;
    await ends('all is well', 0, 'lets us read the queue');
    await ends('with e-mail and password', 0, 'lets us read the queue', { ...mail, password: 'pass word' });
    await ends('nobody answers REST', 20, 'refused by localhost port 9; check host, port and the proxy in [resilient]', { port: 9 });
    await s.platform('faults', [{ match: '/rest/session', fault: 'html', times: 0 }]);
    await ends('an answer that is no JSON', 20, 'those of the platform?');
    await s.platform('faults', [{ match: '/rest/session', fault: 503, times: 0 }]);
    await ends('503', 20, 'HTTP 503');
    await s.platform('faults', [{ match: '/rest/session', fault: 403, times: 0 }]);
    await ends('403', 20, 'HTTP 403: the platform does not permit it: check the permissions of the API key');
    await s.platform('faults', []);
    await ends('API key refused', 21, 'api_key_id and api_key_secret', { api_key_secret: 'wr0ng' });
    await ends('no CA file', 22, '/nowhere/ca.pem', { cafile: '/nowhere/ca.pem' });
    for (const [name, text] of [['expired', 'expired'], ['wrong', 'name']]) {
        await s.platform('cert', { name });
        await ends(`TLS, a certificate that is ${name}`, 23, text);
    }
    await s.platform('cert', { name: 'server' });
    await ends('TLS, a certificate of nobody we trust', 23, 'cafile', { cafile: `${s.certs}/client.pem` });
    await ends('not a member', 24, '"Second Org"', { org: 'nobody' });
    await ends('an organisation that is closed', 24, 'Closed Org', { org: 'Closed Org' });
    await ends('password refused', 25, 'email and password', { ...mail, password: 'wr0ng' });
    await s.platform('set', { actions_enabled: false });
    await ends('actions are switched off', 30, 'switched off');
    await s.platform('set', { actions_enabled: true });
    await ends('nobody answers STOMP', 30, 'refused by localhost port 9; check stomp_host, stomp_port and the proxy in [resilient]',
        { stomp_port: 9, selftest_timeout: 1 });
    await ends('TLS of the broker', 30, 'stomp_cafile', { stomp_cafile: `${s.certs}/client.pem` });
    await s.platform('set', { key_secret: 'wr0ng-for-stomp' });
    await ends('STOMP login refused', 31, 'refused the login', { api_key_secret: 'wr0ng-for-stomp' });
    await s.platform('set', { key_id: 'noread', key_secret: 'secret' });
    await ends('not authorised for the queue', 32, 'let this API key read', { api_key_id: 'noread', api_key_secret: 'secret' });
    await s.platform('set', { key_id: s.key.id, key_secret: s.key.secret });
    await s.tap('rules', [{ dir: 'down', command: 'CONNECTED', do: 'drop' }]);
    await ends('a broker that says nothing', 33, 'not connected', { selftest_timeout: 1 });
    await s.tap('rules', [{ dir: 'down', command: 'RECEIPT', do: 'drop' }]);
    await ends('no subscription in time', 33, 'selftest_timeout', { selftest_timeout: 1 });
    await s.tap('rules', []);
    await s.platform('set', { function: 'fn_other' });
    await ends('function not installed', 33, 'not installed on the platform');
    await s.platform('set', { function: 'fn_passivetotal' });
    s.config({ app: { passivetotal_api_key: 'wr0ng-key' } });
    const own = await run(['--format', 'json']);
    t.is('1: our own key refused', own.code, 1);
    t.has('1: the platform passed', own.text, '{"test":"broker","passed":true');
    s.config({ app: { passivetotal_base_url: 'http://127.0.0.1:9' } });
    t.has('1: nobody answers for PassiveTotal', (await run()).text, 'refused by 127.0.0.1 port 9; check passivetotal_base_url and the proxy');
    s.config({ app: { passivetotal_tags: '' } });
    t.has('1: rules that do not load', (await run()).text, 'passivetotal_tags');
    s.config();
    const w = await s.worker();
    await s.platform('wait', { correlations: waiting });
    t.ok('the call that waited all the time is answered', true);
    const message = (await s.frames('down', 'MESSAGE')).pop();
    t.ok('and was never delivered to a test', !message.headers.redelivered, JSON.stringify(message.headers));
    await w.stop();
});
