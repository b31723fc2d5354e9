#!/usr/bin/env node
// One id runs through a call in the log, from its message or HTTP request over what was asked for it to its decision; and an input that
// stands for a secret is logged as it was written.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test } = require('./stand');

test(async (s, t) => {
    const w = await s.worker({
        config: { resilient: { loglevel: 'DEBUG' }, ptverdict: { http_listen: '127.0.0.1:0', expand_inputs: 'yes' } },
        env: { NAME_IN_A_CALL: 'flagged-s3cret.example', NO_ARTIFACT: 's3cret words' },
    });
    const lines = (id) => w.log.split('\n').filter((l) => l.includes(`[${id}] `));
    const says = (name, id, ...texts) => texts.forEach((text) => t.ok(`${name}: ${text}`, lines(id).some((l) => l.includes(text)), w.log));

    let [correlation] = (await s.platform('call', { value: 'flagged.example' })).correlations;
    await s.platform('wait', { correlations: [correlation] });
    says('a call', correlation, 'fn_passivetotal(DNS Name, flagged.example)', 'DEBUG [fetch] [main] [' + correlation + '] tags: ok',
        'passive_dns: ok', 'is compromised, decision ');

    t.has('what belongs to none has a name too', w.log, 'DEBUG [fetch] [main] [quota] account: ok');

    const port = /HTTP on port (\d+)/.exec(w.log)[1];
    const post = (path, body) => fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: JSON.stringify(body) }).then((a) => a.json());
    const { decision_id } = await post('/v1/verdict', { value: 'flagged-2.example' });
    const id = /\[(http:\d+)\] flagged-2/.exec(w.log)[1];
    says('a verdict over HTTP', id, 'POST /v1/verdict from 127.0.0.1', '] tags: ok', `is compromised, decision ${decision_id}`);
    await post('/cts/passivetotal', { type: 'net.name', value: 'flagged-3.example' });
    says('the threat service', /\[(http:\d+)\] flagged-3/.exec(w.log)[1], 'POST /cts/passivetotal from', '] tags: ok', 'is compromised, decision ');

    await s.mock('control', [{ match: { query: 'flagged-4.example', endpoint: 'tags' }, fault: 'delay-1500' }]);
    const { correlations } = await s.platform('call', { value: 'flagged-4.example', count: 2 });
    await s.platform('wait', { correlations });
    t.has('two calls with one lookup say so', w.log, `[${correlations[1]}] is looked up with [${correlations[0]}]`);

    [correlation] = (await s.platform('call', { value: '$NAME_IN_A_CALL' })).correlations;
    await s.platform('wait', { correlations: [correlation] });
    says('an input that stands for a secret', correlation, '$NAME_IN_A_CALL is compromised', '] tags: ok');
    await s.mock('control', [{ match: { query: 'flagged-s3cret.example' }, fault: 'status-500', times: 0 }]);
    const refused = (await s.call({ value: '$NO_ARTIFACT' })).pop();
    t.is('one that stands for no artifact is refused', refused.payload.results.success, false);
    t.lacks('without telling what it stands for', refused.raw, 's3cret words');
    t.lacks('nor does the log', w.log, 's3cret');
    t.is('stopped', await w.stop(), 0);
});
