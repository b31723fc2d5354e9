#!/usr/bin/env node
// Row 10: each reply goes to its message's reply-to with its correlation-id: two organisations, two workers.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('fs');
const { test } = require('./stand');

test(async (s, t) => {
    const first = await s.worker();
    const second = await s.worker({
        file: 'second.config', config: { resilient: { org: 'acct-202' }, ptverdict: { state: null, lock_file: `${s.dir}/second.lock` } },
    });
    t.has('the second serves the other organisation', second.log, `actions.202.${s.handle}`);
    const sent = [];
    for (let i = 0; i < 10; i++)
        sent.push(...(await s.platform('call', { org: 201 + i % 2, value: `a-${i}.example`, correlation: `x${Math.random()}:${i}` })).correlations);
    const replies = (await s.platform('wait', { correlations: sent })).filter((r) => r.complete);
    t.is('each has its own reply', sent.map((c) => replies.filter((r) => r.correlation === c).length), sent.map(() => 1));
    t.is('in its organisation', sent.map((c) => replies.find((r) => r.correlation === c).destination),
        sent.map((c, i) => `/queue/acks.${201 + i % 2}.${s.handle}`));
    t.is('about its artifact', sent.map((c) => replies.find((r) => r.correlation === c).payload.results.inputs.passivetotal_artifact_value),
        sent.map((c, i) => `a-${i}.example`));
    t.is('both stop', [await first.stop(), await second.stop()], [0, 0]);
    t.ok('and leave a lock file each', fs.existsSync(`${s.dir}/second.lock`) && fs.existsSync(`${s.dir}/state/serve.lock`));
});
