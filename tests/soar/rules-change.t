#!/usr/bin/env node
// Rules that change under a worker: watched ones are taken over without waiting for the calls that run; a set that does not load is
// refused whole; at the start the rules in use before stand in, and without any the calls are answered with the mistake.
// SPDX-License-Identifier: Apache-2.0
'use strict';
delete process.env.SOAR_STAND; // it waits long: a stand of its own, beside the others
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
    const { env, jump } = s.clock();
    let w = await s.worker({ config: { ptverdict: { watch_rules: 'yes' } }, env });
    const before = await decision('flagged-1.example');
    t.is('judged by the rules of the start', before.verdict, 'compromised');

    // ---- a change while a call runs
    await s.mock('control', [{ match: { query: 'flagged-slow.example' }, fault: 'delay-8000' }]);
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

    // ---- taken away again: what is on disk is what is loaded
    fs.renameSync(`${s.dir}/rules/20-broken.lua`, `${s.dir}/20-broken.lua`);
    await until(() => !status(w).rules_error, 15000, 'status to be content');
    t.is('what was refused is gone: nothing is wrong', [status(w).rules_on_disk, status(w).rules_on_disk_differ], [after.ruleset.digest, 0]);

    // ---- a folder that vanishes, a settings file that does
    fs.renameSync(`${s.dir}/rules`, `${s.dir}/gone`);
    await w.says('rules: cannot be read: ', 8000);
    await until(() => status(w).rules_error, 15000, 'status to tell');
    t.is('a folder that vanishes: status says so', [status(w).ruleset, status(w).rules_on_disk, status(w).rules_on_disk_differ],
        [after.ruleset.digest, 'none', 1]);
    t.is('the rules loaded stay', (await decision('flagged-3b.example')).ruleset.digest, after.ruleset.digest);
    jump(0, 601);
    await w.says(`still refused: ${s.dir}/rules: cannot be read`, 8000);
    w.signal('SIGHUP');
    await w.says('what was loaded before stays in force', 8000);
    t.lacks('others that were kept do not stand in for them', w.log, 'in use before');
    fs.renameSync(`${s.dir}/gone`, `${s.dir}/rules`);
    await w.says('the files can be read again', 8000);
    await w.says('settings and rules are in force', 8000);
    fs.renameSync(`${s.dir}/app.config`, `${s.dir}/away.config`);
    await w.says('app.config: no such file any more', 8000);
    jump(0, 1202);
    await w.says(`still refused: ${s.dir}/app.config: no such file`, 8000);
    t.is('a settings file that vanishes: calls go on', (await decision('flagged-3c.example')).verdict, 'no_match');
    fs.renameSync(`${s.dir}/away.config`, `${s.dir}/app.config`);
    await until(() => w.log.split('settings and rules are in force').length > 2, 8000, 'it to be read again');
    fs.renameSync(`${s.dir}/20-broken.lua`, `${s.dir}/rules/20-broken.lua`);
    await until(() => w.log.split('20-broken.lua:').length > 2, 8000, 'it to be refused again');
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
