#!/usr/bin/env node
// Row 20: proxy, timeout, verify and client certificate of the calls to PassiveTotal, by the framework's precedence; and verify in
// [integrations], which the framework never reached. By `call`, which reads settings as serve does.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { spawnSync } = require('child_process');
const { test, startHelper } = require('./stand');

const CALL = '{"passivetotal_artifact_type": "DNS Name", "passivetotal_artifact_value": "quiet.example"}';

test(async (s, t) => {
    const first = await startHelper('tests/lib/proxy.js', []), second = await startHelper('tests/lib/proxy.js', []);
    const third = await startHelper('tests/lib/proxy.js', []);
    const dead = 'http://127.0.0.1:9';
    const pair = ['--auth', 'analyst:s3cret-key', '--tls-cert', `${s.certs}/server.pem`, '--tls-key', `${s.certs}/server.key`];
    const tls = await startHelper('tests/lib/mock.js', pair);
    const mutual = await startHelper('tests/lib/mock.js', [...pair, '--client-ca', `${s.certs}/ca.pem`]);
    const [url, mutualUrl] = [tls, mutual].map((m) => m.url.replace('127.0.0.1', 'localhost'));
    const ca = `${s.certs}/ca.pem`, cert = { client_auth_cert: `${s.certs}/client.pem`, client_auth_key: `${s.certs}/client.key` };
    const OK = 'read', TLS = 'certificate';
    const through = (proxy) => ({ through: proxy });
    const table = [ // name, [fn_passivetotal], [integrations], environment, what comes of it
        ['no proxy', {}, {}, {}, through(null)],
        ['[integrations]', {}, { https_proxy: first.url }, {}, through(first)],
        ['[fn_passivetotal] goes first', { https_proxy: second.url }, { https_proxy: first.url }, {}, through(second)],
        ['either key there: both from there', { http_proxy: dead }, { https_proxy: first.url }, {}, through(null)],
        ['the environment goes before both', { https_proxy: second.url }, { https_proxy: first.url }, { HTTPS_PROXY: third.url }, through(third)],
        ['its NO_PROXY is honoured', { https_proxy: second.url }, {}, { HTTPS_PROXY: third.url, NO_PROXY: '127.0.0.1,localhost' }, through(null)],
        ['lower case counts when nothing else is set', {}, {}, { https_proxy: third.url }, through(third)],
        ['verify: the CA is unknown', { passivetotal_base_url: url }, {}, {}, TLS],
        ['verify: a PEM file', { passivetotal_base_url: url, verify: ca }, {}, {}, OK],
        ['verify: false', { passivetotal_base_url: url, verify: 'False' }, {}, {}, OK],
        ['verify: REQUESTS_CA_BUNDLE', { passivetotal_base_url: url }, {}, { REQUESTS_CA_BUNDLE: ca }, OK],
        ['verify: [integrations] works too', { passivetotal_base_url: url }, { verify: ca }, {}, OK],
        ['verify: [fn_passivetotal] goes before it', { passivetotal_base_url: url, verify: 'true' }, { verify: ca }, {}, TLS],
        ['a client certificate is asked for, none is set', { passivetotal_base_url: mutualUrl, verify: ca }, {}, {}, 'client_auth_cert'],
        ['a client certificate', { passivetotal_base_url: mutualUrl, verify: ca, ...cert }, {}, {}, OK],
        ['timeout: [integrations]', {}, { timeout: 1 }, {}, 'within 1 s'],
        ['timeout: [fn_passivetotal] goes first', { timeout: 1 }, { timeout: 30 }, {}, 'within 1 s'],
    ];
    for (const [name, app, integrations, env, wanted] of table) {
        if (name.startsWith('timeout'))
            await s.mock('control', [{ fault: 'hang', times: 0 }]);
        const tunnelled = typeof wanted !== 'string';
        s.config({ app: tunnelled ? { passivetotal_base_url: url, verify: ca, ...app } : app, integrations,
            ptverdict: { soar_unknown: 'fail', state: null } });
        const out = spawnSync(process.env.PTVERDICT || 'build/ptverdict', ['call', '-c', `${s.dir}/app.config`], { input: CALL, env: { ...process.env, ...env } });
        const results = JSON.parse(out.stdout);
        if (!tunnelled) {
            t.has(`${name}: ${wanted}`, results.success ? OK : results.reason, wanted);
        } else {
            const seen = [];
            for (const proxy of [first, second, third]) {
                const log = await (await fetch(`${proxy.url}/_log`)).json();
                if (log.some((r) => r.method === 'CONNECT' && r.target === new URL(url).host))
                    seen.push(proxy.url);
                await fetch(`${proxy.url}/_reset`);
            }
            t.is(name, [results.success, seen], [true, wanted.through ? [wanted.through.url] : []]);
        }
    }
});
