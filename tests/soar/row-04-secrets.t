#!/usr/bin/env node
// Row 4: settings of $NAME and ${NAME}, protected secrets (tokens that a JOSE library made: tests/fixtures/jwe), what is not found stays
// literal. No secret is in the log, nor where any user of the machine may look: in the arguments of our processes.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('fs');
const { spawnSync } = require('child_process');
const { test, PT, KEY } = require('./stand');

const SEALED = 's3cret-key', PROXY = 'pr0xy-pa55'; // what plain.jwe holds, and what comes with --set
const read = (pid, what) => fs.readFileSync(`/proc/${pid}/${what}`, 'latin1');

/** A process and all below it. */
function family(pid) {
    const parents = fs.readdirSync('/proc').filter((p) => /^[0-9]+$/.test(p)).flatMap((p) => {
        try {
            return [[Number(p), Number(/\) \S (\d+)/.exec(read(p, 'stat'))[1])]];
        } catch (error) {
            return []; // it has just ended
        }
    });
    const all = [pid];
    for (const parent of all)
        all.push(...parents.filter(([, p]) => p === parent).map(([p]) => p));
    return all;
}

test(async (s, t) => {
    const secrets = `${s.dir}/secrets`;
    fs.mkdirSync(`${secrets}/.jwk`, { recursive: true });
    fs.copyFileSync('tests/fixtures/jwe/plain.jwe', `${secrets}/PT_KEY`);
    fs.copyFileSync('tests/fixtures/jwe/key.jwk', `${secrets}/.jwk/key.jwk`);
    fs.writeFileSync(`${s.dir}/rules/90-custom.lua`, // its condition runs in a process of its own
        'rule "mine" { title = "x", severity = "low", when = custom({ "tags" }, function() return false end) }\n');
    const env = { APP_HOST_CONTAINER: '1', PTVERDICT_SECRETS: secrets, PT_KEY: 'of-the-environment', SOAR_SECRET: KEY.secret, LAST: 'lyst', NOT_SET: undefined };
    const config = {
        resilient: { api_key_secret: '$SOAR_SECRET', loglevel: 'DEBUG' },
        app: { passivetotal_api_key: '${PT_KEY}', passivetotal_username: 'ana${LAST}', passivetotal_community_url: 'https://c.example/${NOT_SET}/' },
    };
    const set = [`integrations.https_proxy=http://proxyuser:${PROXY}@127.0.0.1:9`, 'https_proxy=http://x:$ecret-pa55@127.0.0.1:9', 'http_token=$ecret-t0ken'];
    const args = ['-vv', ...set.flatMap((one) => ['--set', one])];
    const w = await s.worker({ config, env, args });
    const { results } = (await s.call({ value: 'flagged.example' })).find((r) => r.complete).payload;
    t.is('login, key and user are what stood behind the names', results.success, true);
    t.is('a protected secret goes before the environment, a name nobody knows stays', results.content.report_url,
        'https://c.example/${NOT_SET}/flagged.example');

    const all = family(w.child.pid);
    t.ok('a process for custom conditions is among ours', all.some((pid) => read(pid, 'cmdline').includes('rule-process')), all.map((p) => read(p, 'cmdline')).join('\n'));
    const hidden = [SEALED, PROXY, KEY.secret, '$ecret-pa55', '$ecret-t0ken'];
    const shown = (text) => hidden.filter((secret) => text.includes(secret));
    t.is('no secret in their arguments', all.flatMap((pid) => shown(read(pid, 'cmdline'))), []);
    t.is('nor in their names', all.flatMap((pid) => shown(read(pid, 'comm'))), []);
    t.is('a protected one is not in their environment either', all.filter((pid) => read(pid, 'environ').includes(SEALED)), []);

    w.signal('SIGHUP');
    await w.says('settings and rules are in force');
    t.is('read anew, they are still known', (await s.call({ value: 'evil.example' })).find((r) => r.complete).payload.results.success, true);
    t.is('stopped', await w.stop(), 0);
    t.is('no secret in the log', shown(w.log + fs.readFileSync(`${s.dir}/logs/app.log`)), []);
    for (const command of ['config', 'selftest']) {
        const { stdout, stderr, status } = spawnSync(PT, [command, '-c', `${s.dir}/app.config`, ...args], { env: { ...process.env, ...env }, encoding: 'utf8' });
        t.is(`${command}: works`, status, 0);
        t.is(`${command}: shows none`, shown(stdout + stderr), []);
    }
});
