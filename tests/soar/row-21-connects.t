#!/usr/bin/env node
// Row 21: connects over TLS 1.2 and 1.3, one after the other, none fails. `make soak` sets $CONNECTS to 10,000.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { execFile } = require('child_process');
const fs = require('fs');
const { test, startHelper } = require('./stand');

const COUNT = Number(process.env.CONNECTS || 200);
const BARE = process.env.BARE || 'build/bench/bare';

test(async (s, t) => {
    const { stomp } = await s.broker('');
    t.ok('built', fs.existsSync(BARE), `make ${BARE}`);
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
        const tap = await startHelper('tests/soar/tap.js', ['--to', stomp, '--certs', s.certs, '--tls-max', version]);
        const { port } = await (await fetch(`${tap.url}/`)).json();
        const args = [port, `${s.certs}/ca.pem`, s.key.id, s.key.secret, `actions.201.${s.handle}`, 'connect', COUNT / 2];
        const out = await new Promise((resolve) => execFile(BARE, args, (error, stdout, stderr) => resolve(stdout + stderr)));
        t.is(`${version}: ${COUNT / 2} connects`, out, `${COUNT / 2} connects, 0 failures\n`);
        t.ok(`${version}: as many handshakes`, (await (await fetch(`${tap.url}/`)).json()).handshakes >= COUNT / 2);
    }
});
