#!/usr/bin/env node
// Row 7: each kind of input comes back as the framework would have handed it to the function, byte for byte.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test } = require('./stand');

const FIXED = '"passivetotal_artifact_type": "DNS Name", "passivetotal_artifact_value": "quiet.example"';
const TABLE = [ // name, as it comes, as it goes back
    ['text', '"abc"', '"abc"'],
    ['an empty text', '""', '""'],
    ['text that is not ASCII', '"é \\u20ac 😀"', '"\\u00e9 \\u20ac \\ud83d\\ude00"'],
    ['escapes', '"a\\"b\\\\c\\/d\\n\\t\\u0007\\u00E9\\u0041"', '"a\\"b\\\\c/d\\n\\t\\u0007\\u00e9A"'],
    ['a number', '5', '5'],
    ['a number with a point', '5.0', '5.0'],
    ['a negative one', '-0.5', '-0.5'],
    ['date and time, in ms', '1577836800000', '1577836800000'],
    ['a long whole number', '123456789012345678901234567890', '123456789012345678901234567890'],
    ['true', 'true', 'true'],
    ['false', 'false', 'false'],
    ['null', 'null', 'null'],
    ['a select: its name', '{"id": 53, "name": "two"}', '"two"'],
    ['a multi-select: the names', '[{"id": 55, "name": "v1"}, {"id": 56, "name": "v2"}]', ['"v1"', '"v2"']],
    ['an empty multi-select', '[]', '[]'],
    ['a text area: its content', '{"format": "text", "content": "lines\\nof it"}', '"lines\\nof it"'],
    ['rich text: its content', '{"format": "html", "content": "<b>x</b>"}', '"<b>x</b>"'],
    ['an empty text area: the object itself', '{"format": "text", "content": ""}', { format: '"text"', content: '""' }],
];

/** As json.dumps(indent=2) writes it where an input stands. */
function written(value) {
    if (typeof value === 'string')
        return value;
    const pad = '\n' + ' '.repeat(8);
    const list = Array.isArray(value) ? value : Object.entries(value).map(([k, v]) => `"${k}": ${v}`);
    const [open, close] = Array.isArray(value) ? '[]' : '{}';
    return `${open}${pad}${list.join(`,${pad}`)}\n      ${close}`;
}

test(async (s, t) => {
    const w = await s.worker();
    const bodies = TABLE.map(([, wire]) => `{"function": {"name": "fn_passivetotal"}, "inputs": {${FIXED}, "x": ${wire}}}`);
    for (const [i, [name, , back]] of TABLE.entries()) {
        const { raw } = (await s.call({ body: bodies[i] })).pop();
        t.has(name, raw, `"inputs": {\n      ${FIXED.replace('", "', '",\n      "')},\n      "x": ${written(back)}\n    },`);
    }
    const select = (await s.call({ inputs: {
        passivetotal_artifact_type: { id: 1, name: 'DNS Name' }, passivetotal_artifact_value: { format: 'text', content: 'flagged.example' },
    } })).pop().payload.results;
    t.is('type as a select, value as a text area: looked up', [select.content.queryValue, select.inputs.passivetotal_artifact_type],
        ['flagged.example', 'DNS Name']);
    for (const [name, value, type, reason] of [
        ['a value that is a number', 5, 'DNS Name', 'the input passivetotal_artifact_value is not a text'],
        ['a value of nothing', '', 'DNS Name', 'the input passivetotal_artifact_value is empty'],
        ['a value of true', true, 'DNS Name', 'the input passivetotal_artifact_value is not a text'],
        ['a list as value', [{ id: 1, name: 'a.example' }], 'DNS Name', 'the input passivetotal_artifact_value is not a text'],
        ['a type of null', 'a.example', null, 'the input passivetotal_artifact_type is not a text'],
    ]) {
        const { payload } = (await s.call({ inputs: { passivetotal_artifact_type: type, passivetotal_artifact_value: value } })).pop();
        t.is(name, [payload.message_type, payload.results.success, payload.results.reason], [0, false, reason]);
    }
    t.is('stopped', await w.stop(), 0);
});
