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

    const said = async (value, type = 'DNS Name') => (await s.call({ body: { function: { name: 'fn_passivetotal' },
        inputs: { passivetotal_artifact_value: value, passivetotal_artifact_type: type } } })).pop().payload;
    for (const [value, reason] of [
        ...[5, true, null, {}, [], [{ id: 1, name: 'a.example' }], { format: 'text', content: '' }].map((v) => [v, 'artifact_value is not a text']),
        ['', 'artifact_value is empty'], [' ', 'is empty'], ['x..y', 'has an empty label'], ['1.2.3', 'has not four numbers'], ['192.0.2.0/24', 'CIDR'],
        ['user@example.com', 'looks like an e-mail address'], ['https://', 'a URL without a host'], ['a b.example', 'more than one word'],
        ['a'.repeat(70000), 'is longer than 65,536 bytes'], ['::1', 'is an IP address'], ['evil\u001b[31m.example', 'has control characters in it'],
    ]) {
        const { message_type, results } = await said(value);
        t.is(`a value of ${JSON.stringify(value).slice(0, 40)}: success false, no content`, [message_type, results.success, results.content], [0, false, []]);
        t.has('    says why', results.reason, reason);
    }
    for (const type of [5, null, {}])
        t.has(`a type of ${JSON.stringify(type)}`, (await said('a.example', type)).results.reason, 'artifact_type is not a text');
    for (const type of ['', 'URI', 'Email Sender'])
        t.has(`a type of '${type}'`, (await said('a.example', type)).results.reason, 'is not one of: IP Address, DNS Name, URL');
    t.has('an address that is none', (await said('a.example', 'IP Address')).results.reason, 'is a DNS name');
    for (const body of ['['.repeat(200000), '{"a":'.repeat(100000)])
        t.has('a body that is deep', (await s.call({ body })).pop().payload.message, 'JSON nests over 100 levels');
    t.ok('nothing a terminal would obey is in the log', !w.log.includes('\u001b'));
    t.is('then a good call is answered', (await s.call({ value: 'flagged.example' })).pop().payload.results.success, true);
    t.is('stopped', await w.stop(), 0);
});
