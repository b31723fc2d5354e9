#!/usr/bin/env node
// Row 16: messages that nobody can read are acknowledged, answered where that is possible, and logged where it is not, so that none stops
// the queue; row 17: what is no call of ours. How long a good call behind them takes is measured by `make bench-soar`.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { POISON } = require('./calls');
const { test, until } = require('./stand');

const refused = (reason) => (p) => [p.message_type === 0 && p.results.success === false && p.results.reason, reason];
const unreadable = (p) => [p.message_type === 1 && p.message.includes('cannot be read'), true];
const harmless = (x) => (p) => [[p.results.success, p.results.inputs.x], [true, x]];
const ANSWERS = {
    'no JSON': unreadable,
    'an empty body': unreadable,
    'JSON that is no object': unreadable,
    'JSON cut short': unreadable,
    'inputs of null': refused('the input passivetotal_artifact_value is missing'),
    'inputs that are a list': refused('the inputs of the call are not an object'),
    'names that are no identifiers': (p) => [[p.results.success, p.results.inputs.class, p.results.inputs['a b'], p.results.inputs['']], [true, 1, 2, 3]],
    'another function': (p) => [[p.message_type, p.message],
        [1, "ERROR:\n\nthe function 'fn_other' is not known here: this worker runs 'fn_passivetotal'"]],
    'an action': (p) => [p, { message_type: 0, message: 'No handler returned a result for this action', complete: true }],
    'invalid UTF-8': harmless('\ufffd'),
    'a lone surrogate': harmless('\ufffd'),
};

test(async (s, t) => {
    const w = await s.worker({ config: { resilient: { stomp_prefetch_limit: 3 } } });
    for (const [name, poison] of Object.entries(POISON)) {
        const { correlations } = await s.platform('call', { ...poison, count: 10 });
        const good = await s.call({ value: 'flagged.example' });
        t.is(`ten of ${name}: a good call behind them is answered`, good.find((r) => r.complete).payload.results.success, true);
        if (!ANSWERS[name]) {
            const told = () => w.log.split(`has ${name}`).length - 1;
            await until(() => told() >= 10, 5000, `"has ${name}" in the log, ten times`);
            t.is('    they are in the log, since nobody can be answered', told(), 10);
            continue;
        }
        const replies = (await s.platform('wait', { correlations })).filter((r) => r.complete);
        t.is('    they have ten answers', replies.length, 10);
        const [got, expected] = ANSWERS[name](replies[0].payload);
        t.is('    which say what is wrong, if anything is', got, expected);
    }
    t.is('stopped', await w.stop(), 0);
    const ids = async (dir, command, header) => (await s.frames(dir, command)).map((f) => f.headers[header]).sort();
    const delivered = await ids('down', 'MESSAGE', 'ack'), count = Object.keys(POISON).length * 11;
    t.is('prefetch', (await s.frames('up', 'SUBSCRIBE'))[0].headers['activemq.prefetchSize'], '3');
    t.is('each was delivered once', delivered.length, count);
    t.is('each was acknowledged, once', await ids('up', 'ACK', 'id'), delivered);
    t.is('none but those without a way back is unanswered', (await s.platform('settle', {})).lost.length, 20);
    const next = await s.worker();
    await s.call({ value: 'last.example' });
    t.is('nothing is left on the queue', (await s.frames('down', 'MESSAGE')).length, count + 1);
    await next.stop();
});
