#!/usr/bin/env node
// Row 13: no lost result: the line is cut before, within and after each frame of a call, and each call gets exactly one complete reply.
// `make soak` sets $CUTS.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test } = require('./stand');

const CUTS = Number(process.env.CUTS || 24);
const PLACES = []; // of a call: what goes up, and what comes down
for (const [dir, command] of [['down', 'MESSAGE'], ['up', 'SEND'], ['up', 'BEGIN'], ['up', 'ACK'], ['up', 'COMMIT'], ['down', 'RECEIPT']])
    PLACES.push({ dir, command, do: 'cut-before' }, { dir, command, do: 'cut-after' }, { dir, command, do: 'cut-at', at: 9 });
PLACES.push({ dir: 'up', command: 'SEND', nth: 3, do: 'cut-before' }, { dir: 'up', command: 'SEND', nth: 3, do: 'cut-after' },
    { dir: 'up', command: 'SEND', nth: 3, do: 'cut-at', at: 300 }, { dir: 'up', command: 'SEND', nth: 2, do: 'cut-after' },
    { dir: 'up', command: 'COMMIT', do: 'cut-after', how: 'rst' }, { dir: 'down', command: 'RECEIPT', do: 'cut-before', how: 'rst' });

test(async (s, t) => {
    const w = await s.worker();
    for (let i = 0; i < CUTS; i++) {
        const rule = { nth: 1, ...PLACES[i % PLACES.length] };
        await s.tap('rules', [rule]);
        const { correlations } = await s.platform('call', { value: `cut-${i}.example` });
        await s.platform('wait', { correlations, timeout_ms: 20000 });
        if (CUTS <= PLACES.length)
            t.ok(`${rule.dir} ${rule.command} ${rule.nth} ${rule.do}: answered`, true);
    }
    await s.tap('rules', []);
    t.is('nothing lost, nothing twice', await s.platform('settle', { ms: 1500 }), { sent: CUTS, complete: CUTS, duplicate: [], lost: [] });
    t.ok('the cuts were made', (w.log.match(/lost after|closed by the peer/g) || []).length >= CUTS * 0.9, w.log);
    t.is('stopped', await w.stop(), 0);
    if (w.code !== 0) console.log(w.log.replace(/^/gm, '# '));
});
