// control.js: what broker.js, tap.js and platform.js share: options, the control endpoint, and ending with the test.
//
// Each prints "ready http://127.0.0.1:PORT" when it can be used; GET / there tells ports and state as JSON, POST /NAME does
// something and answers with JSON, status 500 and { "error" } when it failed. All end on SIGTERM, when a pipe on their stdin closes
// and when their parent is gone.
//
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('fs');
const http = require('http');

const parent = process.ppid; // of the start: it may be gone by the time we serve

/** readOptions({ certs: null, verbose: false }): "--certs DIR"; a default of false makes a flag. */
function readOptions(defaults) {
    const options = Object.assign({}, defaults);
    for (let args = process.argv.slice(2); args.length;) {
        const name = args.shift().replace(/^--/, '');
        if (!(name in defaults) || (defaults[name] !== false && !args.length)) {
            process.stderr.write(`${process.argv[1]}: --${name}: unknown option, or its value is missing; see the head of the file\n`);
            process.exit(64);
        }
        options[name] = defaults[name] === false ? true : args.shift();
    }
    return options;
}

function readBody(req) {
    return new Promise((resolve, reject) => {
        const parts = [];
        req.on('data', (part) => parts.push(part));
        req.on('end', () => resolve(Buffer.concat(parts)));
        req.on('error', reject);
    });
}

/** commands: { name: async (value, query) => result }; '' is GET /. `onEnd` runs before the process ends. */
function serve(commands, onEnd) {
    const server = http.createServer(async (req, res) => {
        const url = new URL(req.url, 'http://x');
        const command = commands[url.pathname.slice(1)];
        let status = 200, answer;
        try {
            if (!command)
                throw new Error(`no such command: ${url.pathname}`);
            const body = (await readBody(req)).toString();
            answer = await command(body ? JSON.parse(body) : {}, url.searchParams);
        } catch (error) {
            status = 500;
            answer = { error: error.message };
        }
        res.writeHead(status, { 'Content-Type': 'application/json' });
        res.end(JSON.stringify(answer === undefined ? {} : answer));
    });
    server.requestTimeout = 0;
    server.listen(0, '127.0.0.1', () => process.stdout.write(`ready http://127.0.0.1:${server.address().port}\n`));
    const end = () => {
        if (onEnd)
            onEnd();
        process.exit(0);
    };
    process.on('SIGTERM', end);
    process.on('SIGINT', end);
    const stdin = fs.fstatSync(0);
    if (stdin.isFIFO() || stdin.isSocket()) {
        process.stdin.on('end', end);
        process.stdin.resume();
    }
    setInterval(() => process.ppid !== parent && end(), 500).unref();
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves with what `look` gives once that is true; rejects after `ms`. */
async function until(look, ms, what) {
    for (const end = Date.now() + ms; ;) {
        const value = await look();
        if (value)
            return value;
        if (Date.now() > end)
            throw new Error(`${what}: not within ${ms} ms`);
        await sleep(20);
    }
}

module.exports = { readOptions, readBody, serve, sleep, until };
