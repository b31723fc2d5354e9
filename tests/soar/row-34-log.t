#!/usr/bin/env node
// Row 34: log file with rotation, level names and line form of the framework; no secret in it at any level, nor anywhere else.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('fs');
const http = require('http');
const { test, startHelper } = require('./stand');

const SECRETS = { // each configured somewhere below
    key_secret: 's3cr3t:key', api_key: 's3cret-key', password: 'pass word', proxy_password: 'pr0xy-pa55', http_password: 'd00r-pa55', token: 'bearer-t0ken-1',
    expanded: 'fr0m-the-environment',
};

test(async (s, t) => {
    const proxy = await startHelper('tests/lib/proxy.js', ['--auth', `proxyuser:${SECRETS.proxy_password}`]);
    const own = JSON.stringify(SECRETS);
    const config = {
        resilient: {
            loglevel: 'DEBUG', log_max_bytes: 100000, log_backup_count: 2, email: 'worker@example.com', password: SECRETS.password,
            proxy_host: 'http://127.0.0.1', proxy_port: new URL(proxy.url).port, proxy_user: 'proxyuser', proxy_password: SECRETS.proxy_password,
        },
        app: { passivetotal_username: '$ANALYST' },
        ptverdict: { http_listen: '127.0.0.1:0', http_user: 'soar', http_password: SECRETS.http_password, http_token: SECRETS.token, expand_inputs: 'yes' },
    };
    const env = { ANALYST: 'analyst', NAME_IN_A_CALL: SECRETS.expanded };
    const listen = await new Promise((resolve) => {
        const server = http.createServer().listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
    config.ptverdict.http_listen = `127.0.0.1:${listen}`;
    fs.writeFileSync(`${s.dir}/logs/ptverdict.log`, '2026-01-01 00:00:00,000 INFO [serve] [main] of another day\n'.repeat(1700));
    const w = await s.worker({ config, env, args: ['-vv'] });
    const sent = [];
    for (const value of ['flagged.example', 'quiet.example', '$NAME_IN_A_CALL', 'no name', '192.0.2.0/24'])
        sent.push(...await s.call({ value }));
    await s.mock('control', [{ fault: 'status-401', times: 1 }, { fault: 'redirect-other', times: 1 }, { fault: 'status-500', times: 5 }]);
    for (const value of ['a.example', 'b.example', 'c.example'])
        sent.push(...await s.call({ value }));
    await s.platform('call', { body: `{"api_key": "${'x'.repeat(20)}"`, count: 3 });
    for (const auth of ['Basic ' + Buffer.from('soar:' + SECRETS.http_password).toString('base64'), 'Basic ' + Buffer.from('soar:wrong').toString('base64')]) {
        await fetch(`http://127.0.0.1:${listen}/cts/passivetotal`, { method: 'POST', headers: { authorization: auth },
            body: '{"type": "net.name", "value": "flagged.example"}' });
    }
    const metrics = await fetch(`http://127.0.0.1:${listen}/metrics`, { headers: { authorization: `Bearer ${SECRETS.token}` } });
    await s.platform('call', { value: 'many-*.example', count: 400 });
    await s.platform('wait', { count: 400, timeout_ms: 60000 });
    t.is('stopped', await w.stop(), 0);

    const files = fs.readdirSync(`${s.dir}/logs`).sort();
    t.is('rotated, and no more kept than asked for', files, ['ptverdict.log', 'ptverdict.log.1', 'ptverdict.log.2']);
    t.ok('by size', files.every((f) => fs.statSync(`${s.dir}/logs/${f}`).size <= 101000));
    const logs = files.map((f) => fs.readFileSync(`${s.dir}/logs/${f}`, 'utf8')).join('');
    const form = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR) \[\w+\] \[\w+\] ./;
    t.is('each line has time, level, [module] and [thread]', logs.trim().split('\n').filter((l) => !form.test(l)), []);
    t.ok('debug lines are there', w.log.includes(' DEBUG ['), w.log.slice(0, 2000));
    const state = fs.readdirSync(`${s.dir}/state`, { recursive: true }).map((f) => `${s.dir}/state/${f}`).filter((f) => fs.statSync(f).isFile());
    const places = {
        'the log files': logs, 'standard error': w.log, 'what was sent': JSON.stringify(sent), 'metrics': await metrics.text(),
        'the state folder': state.map((f) => fs.readFileSync(f, 'latin1')).join(''),
    };
    t.ok('all secrets were configured', own.length > 100);
    for (const [place, text] of Object.entries(places)) {
        for (const [name, secret] of Object.entries(SECRETS)) {
            if (name === 'expanded' && place !== 'standard error' && place !== 'the log files')
                continue;
            t.ok(`${place}: no ${name}`, text && !text.includes(secret) && !text.includes(Buffer.from(secret).toString('base64')),
                text.split('\n').filter((l) => l.includes(secret)).slice(0, 3).join('\n'));
        }
    }
});
