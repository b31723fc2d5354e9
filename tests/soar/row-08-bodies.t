#!/usr/bin/env node
// Row 8: status, result and error bodies are the original's, but for decision, hit and note; rows 9 and 10: the payload 2.0, and who gets it.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test } = require('./stand');

test(async (s, t) => {
    await s.mock('control', [{ match: { query: 'flagged.example' }, fault: 'delay-100', times: 1 }]);
    const w = await s.worker();
    const all = await s.call({ value: 'flagged.example', text: true });
    const [starting, finished, result] = all;
    t.is('a status is compact, spaced as Python does', starting.raw,
        '{"message_type": 0, "message": "Starting App Function: \'fn_passivetotal\'", "complete": false}');
    t.is('the second one', finished.raw,
        '{"message_type": 0, "message": "Finished running App Function: \'fn_passivetotal\'", "complete": false}');
    t.is('then the result, and no more', [all.length, result.complete], [3, true]);
    t.is('indented by two', result.raw.split('\n').slice(0, 6),
        ['{', '  "message_type": 0,', '  "message": "Completed",', '  "complete": true,', '  "results": {', '    "version": 2.0,']);
    const { results } = result.payload;
    t.is('keys in their order', Object.keys(results),
        ['version', 'success', 'reason', 'content', 'raw', 'inputs', 'metrics', 'decision', 'hit', 'note']);
    t.is('success, no reason, raw null', [results.success, results.reason, results.raw], [true, null, null]);
    t.ok('the merged object', ['pager', 'queryValue', 'firstSeen', 'lastSeen', 'totalRecords', 'classification', 'subdomains', 'tags_hits_str',
        'report_url'].every((k) => k in results.content));
    t.is('inputs as sent', results.inputs, { passivetotal_artifact_type: 'DNS Name', passivetotal_artifact_value: 'flagged.example' });
    t.is('six metrics', Object.keys(results.metrics), ['version', 'package', 'package_version', 'host', 'execution_time_ms', 'timestamp']);
    t.ok('their time', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(results.metrics.timestamp));

    t.is('no tag in common: an empty list', (await s.call({ value: 'quiet.example' })).pop().payload.results.content, []);
    const missing = (await s.call({ inputs: { passivetotal_artifact_value: 'a.example' } })).pop().payload;
    t.is('a missing input: success false', [missing.message_type, missing.results.success, missing.results.reason],
        [0, false, 'the input passivetotal_artifact_type is missing']);
    const type = (await s.call({ value: 'a.example', type: 'Malware SHA-256 Hash' })).pop().payload;
    t.is('another type: success false', [type.message_type, type.results.success], [0, false]);
    t.ok('which says so', type.results.reason, JSON.stringify(type));

    const other = (await s.call({ value: 'quiet.example', reply_to: `/queue/acks.202.${s.handle}`, correlation: 'in:v\\id: 8\n0' })).pop();
    t.is('reply-to and correlation-id of each call', [other.destination, other.headers['correlation-id']],
        [`/queue/acks.202.${s.handle}`, 'in:v\\id: 8\n0']);

    const sends = await s.frames('up', 'SEND');
    t.is('headers of a status that is sent ahead', sends[0].order.map((l) => l.split(':')[0]),
        ['content-length', 'correlation-id', 'destination', 'persistent']);
    t.is('what comes at the end is in one transaction', sends.slice(1, 3).map((f) => f.headers.transaction), ['t1', 't1']);
    t.is('all are persistent, so that the broker keeps their order', sends.filter((f) => f.headers.persistent !== 'true'), []);
    t.is('with an answer that is there at once, all of it', sends.slice(3, 6).map((f) => f.headers.transaction), ['t2', 't2', 't2']);
    t.is('stopped', await w.stop(), 0);
});
