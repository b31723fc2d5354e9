#!/usr/bin/env node
// Row 6: frames cut and joined anywhere, bodies with and without content-length, NUL inside a counted body, escapes both ways,
// heart-beat newlines between frames.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test, sleep } = require('./stand');

const COUNT = Number(process.env.SHAPED_CALLS || 40);
const SHAPES = {
    'a byte at a time': { split: [1, 1] }, 'pieces of 1 to 7 bytes': { split: [1, 7], seed: 3 }, 'pieces of 1 to 300 bytes': { split: [1, 300], seed: 5 },
    'gathered for 30 ms': { merge_ms: 30 },
};

test(async (s, t) => {
    const w = await s.worker({ config: { resilient: { num_workers: 10 } } });
    for (const [name, shape] of Object.entries(SHAPES)) {
        await s.tap('shape', shape);
        const count = name === 'a byte at a time' ? COUNT / 10 : COUNT;
        const { correlations } = await s.platform('call', { value: 'split-*.example', count, text: count % 2 === 0 });
        const replies = await s.platform('wait', { correlations, timeout_ms: 60000 });
        t.is(`${name}: all ${count} answered whole`, replies.filter((r) => r.complete && r.payload.results.success).length, count);
    }
    await s.tap('shape', {});
    t.lacks('no line was lost', w.log, 'next try in'); // with many calls it was renewed, which is no loss

    const inputs = { passivetotal_artifact_type: 'DNS Name', passivetotal_artifact_value: 'quiet.example', x: 'a:b\\c\ndé€😀' };
    for (const text of [false, true]) {
        const form = text ? 'a text message' : 'a counted body';
        const last = (await s.call({ inputs, text, correlation: `in:v\\id:\r\n${form}` })).pop();
        t.is(`${form}: its inputs come back`, last.payload.results.inputs, inputs);
        t.is(`${form}: so does its correlation-id`, last.headers['correlation-id'], `in:v\\id:\r\n${form}`);
    }
    const raw = JSON.stringify({ function: { name: 'fn_passivetotal' }, inputs: { ...inputs, x: 'NUL' } }).replace('NUL', 'a\u0000b');
    const nul = (await s.call({ body: raw })).pop().payload;
    t.is('a bare NUL within a counted body does not end it: one answer', nul.message_type, 1);

    for (let i = 0; i < 20; i++) {
        await s.tap('inject', { dir: 'down', text: i % 2 ? '\n' : '\r\n\n' });
        await sleep(5);
    }
    t.is('newlines between frames are heart-beats', (await s.call({ value: 'flagged.example' })).pop().payload.results.success, true);
    t.lacks('and no reason to give the line up', w.log, 'next try in');
    await s.tap('inject', { dir: 'down', text: 'THIS is no frame\nat all\n\n\0' });
    await w.says('next try in');
    t.has('bytes that are no frame end the line, and the log says so', w.log, 'not STOMP 1.2: something that is no command before byte');
    t.is('and it is taken up again', (await s.call({ value: 'flagged-again.example' })).pop().payload.results.success, true);
    t.is('stopped', await w.stop(), 0);
});
