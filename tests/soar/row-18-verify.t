#!/usr/bin/env node
// Row 18: the broker's certificate and name are verified, by stomp_cafile, cafile or the bundle of the environment; false turns it off; the
// message says what to do; not a byte of the passcode goes to one that is not trusted.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { execFileSync } = require('child_process');
const { startHelper, test } = require('./stand');

const get = async (url) => (await fetch(url)).json();

test(async (s, t) => {
    execFileSync('sh', ['-c', `. tests/lib/mock.sh; make_test_ca ${s.dir}/other`]);
    const { stomp } = await s.broker('');
    const tapWith = async (certs, cert) => {
        const { url } = await startHelper('tests/soar/tap.js', ['--to', stomp, '--certs', certs, '--cert', cert]);
        return { url, port: (await get(`${url}/`)).port };
    };
    const refused = async (name, tap, text, advice) => {
        const w = await s.worker({ wait: false, config: { resilient: { stomp_port: tap.port } } });
        await w.says('next try in');
        t.has(`${name}: refused, in words`, w.log, text);
        t.has(`${name}: and what to do`, w.log, advice);
        t.is(`${name}: nothing was sent`, await get(`${tap.url}/log?dir=up`), []);
        await w.stop();
    };
    const unknown = await tapWith(`${s.dir}/other`, 'server');
    await refused('an unknown CA', unknown, 'certificate', 'stomp_cafile (or cafile)');
    await refused('another host name', await tapWith(s.certs, 'wrong'), 'is for another name', 'use the name it was made for');
    await refused('an expired certificate', await tapWith(s.certs, 'expired'), 'has expired', 'its owner must renew it');

    let w = await s.worker({ config: { resilient: { stomp_port: unknown.port, stomp_cafile: `${s.dir}/other/ca.pem` } } });
    t.ok('stomp_cafile is for the broker alone', w.log.includes('subscribed to'));
    await w.stop();
    w = await s.worker({ config: { resilient: { stomp_port: unknown.port, stomp_cafile: 'False' } } });
    t.has('false accepts it, with a warning', w.log, 'WARNING [rest] [main] the certificate of the broker is NOT verified');
    await w.stop();
    w = await s.worker({ config: { resilient: { cafile: null } }, env: { REQUESTS_CA_BUNDLE: `${s.certs}/ca.pem` } });
    t.ok('no cafile: the bundle of the environment', w.log.includes('subscribed to'));
    await w.stop();
});
