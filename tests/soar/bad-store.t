#!/usr/bin/env node
// The state folder fails under a worker: no room, damaged, not ours, of a later version, gone. Calls are answered in each case, and the
// log says what to do.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { execFileSync, spawnSync } = require('child_process');
const fs = require('fs');
const { test, until } = require('./stand');

test(async (s, t) => {
    const state = `${s.dir}/state`;
    const answered = async (name) => t.is(`${name}: calls are answered`,
        (await s.call({ value: 'flagged.example' })).pop().payload.results.success, true);
    const kinds = {
        'garbage in the place of the store': ['damaged', () => fs.readdirSync(state).filter((f) => /\.(db|sqlite)/.test(f)).forEach((f) => {
            fs.writeFileSync(`${state}/${f}`, 'this is no database '.repeat(5000));
        })],
        'half a page': ['damaged', () => fs.readdirSync(state).filter((f) => /\.(db|sqlite)$/.test(f)).forEach((f) => fs.truncateSync(`${state}/${f}`, 700))],
        'a file in the place of the folder': ['state', () => {
            fs.rmSync(state, { recursive: true });
            fs.writeFileSync(state, '');
        }],
    };
    let w = null;
    for (const [name, [text, damage]] of Object.entries(kinds)) {
        w = await s.worker();
        await s.call({ value: 'flagged.example' });
        await w.stop();
        damage();
        w = await s.worker({ config: { ptverdict: { lock_file: `${s.dir}/lock` } } });
        await answered(name);
        t.has(`${name}: the log says so`, w.log, text);
        t.is(`${name}: stopped`, await w.stop(), 0);
        fs.rmSync(state, { recursive: true, force: true });
        fs.mkdirSync(state);
    }

    w = await s.worker({ config: {} }); // its lock is there too
    fs.rmSync(state, { recursive: true });
    await answered('the folder is gone while it runs');
    const status = () => spawnSync(process.env.PTVERDICT || 'build/asan/ptverdict', ['status', '-c', `${s.dir}/app.config`]).status;
    await until(() => status() === 0, 10000, 'status to find the worker again');
    const second = await s.worker({ wait: false });
    t.is('the folder is gone while it runs: a second one finds it still', await second.ends(), 75);
    await s.call({ value: 'flagged-after.example' });
    t.has('the folder is gone while it runs: decisions are logged again', fs.readFileSync(`${state}/decisions.ndjson`, 'utf8'), 'flagged-after.example');
    t.is('the folder is gone while it runs: stopped', await w.stop(), 0);

    let mounted = false;
    try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', state], { stdio: 'ignore' });
        mounted = true;
    } catch (error) { /* not root, or not allowed */ }
    if (!mounted) {
        t.ok('a full disk # SKIP no file system can be mounted here', true);
        return;
    }
    try {
        w = await s.worker({ config: { ptverdict: { lock_file: `${s.dir}/lock` } } });
        fs.writeFileSync(`${state}/filler`, Buffer.alloc(4096));
        try {
            for (;;)
                fs.appendFileSync(`${state}/filler`, Buffer.alloc(4096));
        } catch (error) { /* full */ }
        for (let i = 0; i < 5; i++)
            await answered(`a full disk, ${i}`);
        t.ok('a full disk: the log says so', /full|no space|No space/.test(w.log), w.log);
        const { duplicate, lost } = await s.platform('settle', { ms: 300 });
        t.is('a full disk: nothing lost, nothing twice', { duplicate, lost }, { duplicate: [], lost: [] });
        t.is('a full disk: stopped', await w.stop(), 0);
    } finally {
        w.signal('SIGKILL');
        await w.ends();
        execFileSync('umount', ['-l', state]);
    }
});
