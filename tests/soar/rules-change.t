#!/usr/bin/env node
// Rules that change under a worker: watched ones are taken over without waiting for the calls that run; a set that does not load is
// refused whole; at the start the rules in use before stand in, and without any the calls are answered with the mistake.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { execFileSync } = require('child_process');
const fs = require('fs');
const { test, until } = require('./stand');

const rule = (when) => `rule "flagged-tags" { title = "Tags", severity = "high", when = ${when} }\n`;

test(async (s, t) => {
    const file = `${s.dir}/rules/10-flagged-tags.lua`;
    const decision = async (value) => (await s.call({ value })).pop().payload.results.decision;
    const status = (w) => JSON.parse(execFileSync(process.env.PTVERDICT || 'build/asan/ptverdict',
        ['status', '-c', `${s.dir}/app.config`, '--format', 'json'], { encoding: 'utf8' }));
    fs.writeFileSync(file, rule('tags:has_any { "apt", "ransomware", "compromised" }'));
    let w = await s.worker({ config: { ptverdict: { watch_rules: 'yes' } } });
    const before = await decision('flagged-1.example');
    t.is('judged by the rules of the start', before.verdict, 'compromised');

    // ---- a change while a call runs
    await s.mock('control', [{ match: { query: 'flagged-slow.example' }, fault: 'delay-12000' }]);
    const { correlations } = await s.platform('call', { value: 'flagged-slow.example' });
    await w.says('flagged-slow.example) for');
    fs.writeFileSync(file, rule('tags:has_any { "nothing" }'));
    await w.says('loaded: ', 8000);
    const after = await decision('flagged-2.example');
    t.is('the next call is judged by the new ones', after.verdict, 'no_match');
    t.ok('which have another digest', after.ruleset.digest !== before.ruleset.digest);
    const running = await s.platform('wait', { correlations, timeout_ms: 1 }).catch(() => []);
    t.ok('while the call before still runs', !running.some((r) => r.complete));
    const slow = (await s.platform('wait', { correlations, timeout_ms: 20000 })).filter((r) => r.complete);
    t.is('which ends by the rules it began with', [slow.length, slow[0].payload.results.decision.ruleset.digest], [1, before.ruleset.digest]);

    // ---- one that does not load
    fs.writeFileSync(`${s.dir}/rules/20-broken.lua`, 'rule "x" {\n');
    await w.says('20-broken.lua', 8000);
    t.has('is refused', w.log, 'those loaded before stay in force');
    t.is('and changes nothing', (await decision('flagged-3.example')).ruleset.digest, after.ruleset.digest);
    await until(() => status(w).rules_error, 15000, 'status to tell');
    const now = status(w);
    t.is('status has both digests', [now.ruleset, now.rules_on_disk !== now.ruleset, now.rules_on_disk_differ], [after.ruleset.digest, true, 1]);
    t.has('and why', now.rules_error, '20-broken.lua:');
    t.is('it stops', await w.stop(), 0);

    // ---- and is still there at the next start
    w = await s.worker();
    t.has('the rules in use before stand in', w.log, 'in use before');
    t.is('and judge', (await decision('flagged-4.example')).ruleset.digest, after.ruleset.digest);
    t.is('it stops', await w.stop(), 0);
    fs.rmSync(`${s.dir}/state/rules`, { recursive: true });
    w = await s.worker();
    const refused = (await s.call({ value: 'flagged-5.example' })).pop();
    t.has('without any the calls are answered with the mistake', JSON.stringify(refused.payload), 'rules do not load: ');
    t.has('file and line', JSON.stringify(refused.payload), '20-broken.lua:2');
    fs.unlinkSync(`${s.dir}/rules/20-broken.lua`);
    await w.says('loaded: ', 8000);
    t.is('until they load', (await decision('flagged-6.example')).verdict, 'no_match');

    // ---- custom conditions
    fs.writeFileSync(file, rule('custom({ "tags" }, function(r) return #r.tags > 0, #r.tags .. " tags" end)'));
    await until(() => w.log.split('loaded: ').length > 2, 8000, 'the custom condition');
    t.is('custom conditions judge', (await decision('flagged-7.example')).verdict, 'compromised');
    const child = fs.readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && (() => {
        try {
            return new RegExp(`\\) . ${w.child.pid} `).test(fs.readFileSync(`/proc/${pid}/stat`, 'latin1'));
        } catch {
            return false;
        }
    })());
    t.is('in a process without environment', fs.readFileSync(`/proc/${child}/cmdline`, 'latin1'), 'ptverdict\0rule-process\0');
    process.kill(Number(child), 'SIGKILL');
    t.is('that may be killed', (await decision('flagged-8.example')).rules[0].outcome, 'match');
    t.is('it stops', await w.stop(), 0);
});
