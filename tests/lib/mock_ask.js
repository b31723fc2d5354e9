// mock_ask.js: ask the mock (or the proxy) about itself from a shell test.
//
//   node tests/lib/mock_ask.js URL [VALUE]       GET; VALUE "calls.tags" prints that part of the JSON answer
//   node tests/lib/mock_ask.js --post URL [BODY]  POST; waits 5 s, or ASK_TIMEOUT_MS
//
// SPDX-License-Identifier: Apache-2.0
'use strict';
const ASK_MS = Number(process.env.ASK_TIMEOUT_MS || 5000);
const client = { 'http:': require('http'), 'https:': require('https') };

const args = process.argv.slice(2);
const post = args[0] === '--post';
if (post)
    args.shift();
const url = new URL(args[0]);
const how = { method: post ? 'POST' : 'GET', rejectUnauthorized: false, timeout: 5000 };
const req = client[url.protocol].request(url, how, (res) => {
    let text = '';
    res.setEncoding('utf8');
    res.on('data', (part) => text += part);
    res.on('end', () => {
        let value = text;
        if (!post && args[1]) {
            value = args[1].split('.').reduce((v, name) => v === undefined || v === null ? v : v[name], JSON.parse(text));
            value = typeof value === 'object' ? JSON.stringify(value) : String(value);
        }
        process.stdout.write(value + '\n');
        process.exitCode = res.statusCode < 300 ? 0 : 1;
    });
});
req.on('timeout', () => req.destroy(new Error('no answer in ' + ASK_MS + ' ms')));
req.on('error', (error) => {
    process.stderr.write(`mock_ask: ${error.message}\n`);
    process.exitCode = 1;
});
req.end(post ? args[1] || '' : undefined);
