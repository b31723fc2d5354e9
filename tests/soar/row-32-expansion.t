#!/usr/bin/env node
// Row 32: an artifact value of $NAME is sent as that text, unless asked for.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('fs');
const { test } = require('./stand');

test(async (s, t) => {
    const env = { SOAR_KEY_SECRET: 'se3ret-of-ours', HIDDEN_NAME: 'flagged.example' };
    let w = await s.worker({ env, config: { resilient: { loglevel: 'DEBUG' } } });
    for (const value of ['$SOAR_KEY_SECRET', '${SOAR_KEY_SECRET}.example', '^SOAR_KEY_SECRET', '$HIDDEN_NAME']) {
        const replies = await s.call({ value });
        const { results } = replies.pop().payload;
        t.is(`${value} stays that text`, results.inputs.passivetotal_artifact_value, value);
        t.is('which is no name, so success false', results.success, false);
        t.lacks('nothing sent holds the secret', JSON.stringify(replies) + JSON.stringify(results), env.SOAR_KEY_SECRET);
    }
    t.lacks('nor does the log', w.log + fs.readFileSync(`${s.dir}/logs/ptverdict.log`), env.SOAR_KEY_SECRET);
    t.is('the service was asked nothing', (await s.mock('stats')).requests, 0);
    await w.stop();

    w = await s.worker({ env, config: { ptverdict: { expand_inputs: 'yes' } } });
    const { results } = (await s.call({ value: '$HIDDEN_NAME' })).pop().payload;
    t.is('expand_inputs = yes is the old way', results.content.queryValue, 'flagged.example');
    t.is('inputs stay as they were sent', results.inputs.passivetotal_artifact_value, '$HIDDEN_NAME');
    await w.stop();
});
