#!/usr/bin/env node
// Row 33: the error body, and what trap_exception makes of it. The error is a call that killed its worker each time: it is counted
// across restarts and given up.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { test } = require('./stand');

test(async (s, t) => {
    const text = 'given up: it was begun 2 times and never came to an end';
    for (const trap of ['false', 'True']) {
        const config = { resilient: { trap_exception: trap }, ptverdict: { call_attempts: 2 } };
        await s.mock('control', [{ fault: 'delay-3000', times: 0 }]);
        const { correlations } = await s.platform('call', { value: `killer-${trap}.example` });
        for (let i = 0; i < 2; i++) {
            const w = await s.worker({ config });
            await w.says(`[${correlations[0]}] fn_passivetotal(`);
            w.signal('SIGKILL');
            await w.ends();
        }
        await s.mock('reset', {});
        const w = await s.worker({ config });
        const { payload, headers } = (await s.platform('wait', { correlations })).filter((r) => r.complete).pop();
        t.is(`trap_exception = ${trap}: the body`, payload, trap === 'false' ?
            { message_type: 1, message: `ERROR:\n\n${text}`, complete: true } :
            { message_type: 0, message: "Error running 'fn_passivetotal'. Config 'trap_exception' set to 'True' so ignoring exception\n" +
                `ERROR:\n${text}`, complete: true, results: { success: false, reason: text } });
        t.is('persistent too', headers.persistent, 'true');
        t.is('the next call is well', (await s.call({ value: 'flagged.example' })).pop().payload.results.success, true);
        t.is('stopped', await w.stop(), 0);
    }
});
