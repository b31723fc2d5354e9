#!/usr/bin/env node
// Row 12: errors say what failed, each its own way, and reach the playbook as soar_unknown says.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test } = require('./stand');

const KINDS = { // how the service fails, and what a person reads
    'HTTP 401': [{ fault: 'status-401' }, 'HTTP 401: user or key refused'],
    'HTTP 429': [{ fault: 'status-429' }, 'quota used up'],
    'HTTP 500': [{ fault: 'status-500' }, 'HTTP 500'],
    'HTTP 503 with Retry-After': [{ fault: 'retry-date-1800' }, 'HTTP 503'],
    'a page': [{ fault: 'html' }, 'HTML instead of JSON'],
    'cut': [{ fault: 'truncate' }, 'cut after'],
    'silence': [{ fault: 'hang' }, 'no answer from', 'within 1 s (timeout)'],
    'name not found': [{ url: 'http://no-such-name.invalid' }, 'no-such-name.invalid'],
    'refused': [{ url: 'http://127.0.0.1:9' }, 'refused'],
};

test(async (s, t) => {
    const seen = new Map();
    for (const [name, [{ fault, url }, ...texts]] of Object.entries(KINDS)) {
        await s.mock('control', fault ? [{ fault, times: 0 }] : []);
        const w = await s.worker({ config: {
            app: { timeout: 1, ...(url ? { passivetotal_base_url: url } : {}) }, ptverdict: { soar_unknown: 'fail', allow_http: 'yes' },
        } });
        const { payload } = (await s.call({ value: 'a.example' })).pop();
        const reason = payload.results ? payload.results.reason : JSON.stringify(payload);
        t.is(`${name}: success false, so that the note branch is reached`, [payload.message_type, payload.results.success, payload.results.content],
            [0, false, []]);
        texts.forEach((text) => t.has(`${name}: "${text}"`, reason, text));
        t.ok(`${name}: a text of its own`, !seen.has(reason), `${reason} is that of ${seen.get(reason)}`);
        t.lacks(`${name}: no secret in it`, w.log + reason, 's3cret-key');
        seen.set(reason, name);
        await w.stop();
        await s.mock('reset', {});
    }

    await s.mock('control', [{ fault: 'status-503', times: 0 }]);
    let w = await s.worker({ config: { ptverdict: { soar_unknown: 'empty' } } });
    const empty = await s.call({ value: 'b.example' });
    t.is('empty: success true, nothing, and the decision says unknown', [empty.at(-1).payload.results.success, empty.at(-1).payload.results.content,
        empty.at(-1).payload.results.decision.verdict], [true, [], 'unknown']);
    t.has('empty: a status says why', empty.map((r) => r.payload.message).join('\n'), 'HTTP 503');
    await w.stop();

    w = await s.worker({ config: { ptverdict: { soar_unknown: 'once' } } });
    const inputs = (value, incident) => ({ inputs: { passivetotal_artifact_type: 'DNS Name', passivetotal_artifact_value: value, incident_id: incident } });
    const success = [];
    for (const [value, incident] of [['c.example', 1], ['d.example', 1], ['e.example', 2], ['f.example', 2]])
        success.push((await s.call(inputs(value, incident))).pop().payload.results.success);
    t.is('once: the first of each incident fails, the others are quiet', success, [false, true, false, true]);
    await s.mock('reset', {});
    await s.mock('control', [{ fault: 'status-500', times: 0 }]);
    t.is('once: another cause fails again', (await s.call(inputs('g.example', 1))).pop().payload.results.success, false);
    await s.mock('reset', {});
    t.is('and when it is over, all is well', (await s.call(inputs('flagged-h.example', 1))).pop().payload.results.success, true);
    t.is('stopped', await w.stop(), 0);
});
