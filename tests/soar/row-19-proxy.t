#!/usr/bin/env node
// Row 19: STOMP and REST through an HTTP proxy, by the precedence of the framework.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const https = require('https');
const http = require('http');
const { test, startHelper } = require('./stand');

function get(url) {
    return new Promise((resolve, reject) => (url.startsWith('https') ? https : http).get(url, { rejectUnauthorized: false, agent: false }, (answer) => {
        let text = '';
        answer.on('data', (bytes) => { text += bytes; });
        answer.on('end', () => resolve(text));
    }).on('error', reject));
}

/** "METHOD TARGET" of all that a proxy was asked since the last time, each once. */
async function asked(proxy) {
    const list = JSON.parse(await get(`${proxy.url}/_log`)).map((r) => `${r.method} ${r.target}`);
    await get(`${proxy.url}/_reset`);
    return [...new Set(list)].sort();
}

const port = (proxy) => new URL(proxy.url).port;

test(async (s, t) => {
    const plain = await startHelper('tests/lib/proxy.js', ['--auth', 'us er:p@ss:w']);
    const tls = await startHelper('tests/lib/proxy.js', ['--tls-cert', `${s.certs}/server.pem`, '--tls-key', `${s.certs}/server.key`]);
    const open = await startHelper('tests/lib/proxy.js', []);
    const rest = `localhost:${s.restPort}`, stomp = `localhost:${s.tapPort}`;
    const both = [`CONNECT ${rest}`, `CONNECT ${stomp}`].sort();
    const table = [ // name, [resilient], environment, what each proxy sees: http, tls, open
        ['none', {}, {}, [[], [], []]],
        ['proxy_host with a scheme, user and password', { proxy_host: 'http://localhost', proxy_port: port(plain), proxy_user: 'us er', proxy_password: 'p@ss:w' },
            {}, [both, [], []]],
        ['proxy_host without a scheme is https', { proxy_host: 'localhost', proxy_port: port(tls) }, { CURL_CA_BUNDLE: `${s.certs}/ca.pem` }, [[], both, []]],
        ['HTTPS_PROXY', {}, { HTTPS_PROXY: open.url }, [[], [], both]],
        ['HTTPS_PROXY goes before proxy_host', { proxy_host: 'http://localhost', proxy_port: port(plain) }, { HTTPS_PROXY: open.url }, [[], [], both]],
        ['NO_PROXY', {}, { HTTPS_PROXY: open.url, NO_PROXY: 'example.net,localhost' }, [[], [], []]],
        ['NO_PROXY of another host', {}, { HTTPS_PROXY: open.url, NO_PROXY: 'example.net' }, [[], [], both]],
    ];
    for (const [name, resilient, env, seen] of table) {
        const w = await s.worker({ env, config: { resilient } });
        t.is(`${name}: who was asked to CONNECT where`, await Promise.all([plain, tls, open].map(asked)), seen);
        t.is(`${name}: a call is answered`, (await s.call({ value: 'quiet.example' })).pop().payload.results.success, true);
        t.lacks(`${name}: no password in the log`, w.log, 'p@ss');
        await w.stop();
        await Promise.all([plain, tls, open].map(asked));
    }
});
