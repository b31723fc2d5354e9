#!/usr/bin/env node
// Calls that are wrong in themselves: each is answered with what is wrong with it, in words of the contract, and the next one goes well.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test } = require('./stand');

test(async (s, t) => {
    const w = await s.worker();
    const inputs = { passivetotal_artifact_type: 'DNS Name', passivetotal_artifact_value: 'quiet.example' };
    for (const [what, fn] of [['no name', {}], ['a name of null', { name: null }], ['a number for a name', { name: 7 }], ['an empty name', { name: '' }],
        ['a text in its place', 'fn_passivetotal'], ['a list', ['fn_passivetotal']], ['true', true]]) {
        const { payload } = (await s.call({ body: { function: fn, inputs } })).pop();
        t.is(`a function with ${what}: message_type 1`, [payload.message_type, payload.complete], [1, true]);
        t.is('    says so', payload.message, "ERROR:\n\nthe call names no function (function.name is missing or not a text): this worker runs 'fn_passivetotal'");
    }
    t.is('then a good call is answered', (await s.call({ value: 'flagged.example' })).pop().payload.results.success, true);
    t.is('stopped', await w.stop(), 0);
});
