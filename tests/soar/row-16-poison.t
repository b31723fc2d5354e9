#!/usr/bin/env node
// Row 16: messages that nobody can read are acknowledged, and answered where that is possible; row 17: what is no call of ours.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test } = require('./stand');

test(async (s, t) => {
    const w = await s.worker();
    const kinds = {
        'no JSON': { body: 'not JSON at all' }, 'an empty body': { body: '' }, 'JSON that is no object': { body: '[1, 2]' },
        'JSON cut short': { body: '{"function": {"name": ' }, 'bad input types': { body: JSON.stringify({ function: { name: 'fn_passivetotal' }, inputs: [1] }) },
    };
    for (const [name, call] of Object.entries(kinds)) {
        const { correlations } = await s.platform('call', { ...call, count: 10 });
        const replies = (await s.platform('wait', { correlations })).filter((r) => r.complete);
        t.is(`ten of ${name}: ten answers`, replies.length, 10);
        const [{ payload }] = replies;
        if (name === 'bad input types')
            t.is('    success false with a reason', [payload.message_type, payload.results.success], [0, false]);
        else
            t.has('    which say what is wrong', payload.message_type === 1 && payload.message, 'cannot be read');
    }
    for (const header of ['reply-to', 'correlation-id'])
        await s.platform('call', { value: 'a.example', count: 10, headers: { [header]: null } });
    const nulls = (await s.call({ body: { function: { name: 'fn_passivetotal' }, inputs: null } })).pop().payload;
    t.is('inputs of null', nulls.results.reason, 'the input passivetotal_artifact_value is missing');
    const before = Date.now();
    t.is('then a good call is answered', (await s.call({ value: 'flagged.example' })).pop().payload.results.success, true);
    t.ok('in under a second (3 with sanitizers)', Date.now() - before < 3000);
    t.has('what nobody could be answered for is in the log', w.log, 'has no reply-to');
    t.has('both kinds', w.log, 'has no correlation-id');

    const surrogate = (await s.call({ body: '{"function": {"name": "fn_passivetotal"}, "inputs": {"x": "\\ud800", ' +
        '"passivetotal_artifact_type": "DNS Name", "passivetotal_artifact_value": "quiet.example"}}' })).pop().payload;
    t.is('a lone surrogate does no harm', [surrogate.results.success, surrogate.results.inputs.x], [true, '\ufffd']);

    const foreign = (await s.call({ function: 'fn_other', value: 'a.example' })).pop().payload;
    t.is('17: another function: message_type 1', foreign.message_type, 1);
    t.has('17: that says which', foreign.message, "the function 'fn_other' is not known here: this worker runs 'fn_passivetotal'");
    t.is('17: an action, as the original', (await s.call({ action: true })).pop().payload,
        { message_type: 0, message: 'No handler returned a result for this action', complete: true });
    t.is('stopped', await w.stop(), 0);
    t.is('nothing is left on the queue', await s.platform('settle', {}).then((r) => r.lost.length), 20); // those without a way back
});
