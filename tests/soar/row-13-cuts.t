#!/usr/bin/env node
// Row 13: no lost result: the line is cut before, within and after each frame of a call, and each call gets exactly one complete reply.
// `make soak` sets $CUTS.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test, until } = require('./stand');

const CUTS = Number(process.env.CUTS || 24);
const PLACES = []; // of a call: what goes up, and what comes down
for (const [dir, command] of [['down', 'MESSAGE'], ['up', 'SEND'], ['up', 'BEGIN'], ['up', 'ACK'], ['up', 'COMMIT'], ['down', 'RECEIPT']])
    PLACES.push({ dir, command, do: 'cut-before' }, { dir, command, do: 'cut-after' }, { dir, command, do: 'cut-at', at: 9 });
PLACES.push({ dir: 'up', command: 'SEND', nth: 3, do: 'cut-before' }, { dir: 'up', command: 'SEND', nth: 3, do: 'cut-after' },
    { dir: 'up', command: 'SEND', nth: 3, do: 'cut-at', at: 300 }, { dir: 'up', command: 'SEND', nth: 2, do: 'cut-after' },
    { dir: 'up', command: 'COMMIT', do: 'cut-after', how: 'rst' }, { dir: 'down', command: 'RECEIPT', do: 'cut-before', how: 'rst' });

const name = ({ dir, command, nth = 1, do: what, at, how }) =>
    `${dir} ${command} ${nth}: ${what}${at ? ` byte ${at}` : ''}${how ? ` by ${how}` : ''}`;

test(async (s, t) => {
    const w = await s.worker();
    const cuts = [];
    for (let i = 0; i < CUTS; i++) {
        const rule = PLACES[i % PLACES.length], { accepted } = await s.tap('');
        await s.tap('rules', [rule]);
        const cut = { name: name(rule), correlation: (await s.platform('call', { value: `cut-${i}.example` })).correlations[0], trouble: '' };
        cuts.push(cut);
        try {
            await s.platform('wait', { correlations: [cut.correlation], timeout_ms: 20000 });
            await until(async () => (await s.tap('')).accepted > accepted, 20000, 'a connection after the cut');
        } catch (error) {
            cut.trouble = error.message;
        }
    }
    await s.tap('rules', []);
    const { duplicate, lost } = await s.platform('settle', { ms: 1500 });
    for (const { name: where, correlation, trouble } of cuts)
        t.is(`${where}: one complete reply`, [trouble, lost.includes(correlation), duplicate.includes(correlation)], ['', false, false]);
    t.is('stopped', await w.stop(), 0);
    if (t.failed)
        process.stderr.write(w.log.replace(/^/gm, '# '));
});
