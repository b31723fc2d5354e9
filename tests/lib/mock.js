#!/usr/bin/env node
// mock.js: plays the PassiveTotal v2 API on loopback, and fails in every way the real one can. Node >= 18, nothing else.
//
//   node tests/lib/mock.js [--port N] [--delay MS] [--data DIR|FILE] [--records N] [--auth USER:KEY] [--quota N]
//                          [--fault [ENDPOINT:]FAULT]... [--tls-cert FILE --tls-key FILE [--h2] [--client-ca FILE]]
//
// Prints "ready http://127.0.0.1:PORT" once it listens; ends on SIGTERM, when its stdin (a pipe) closes, or when its
// parent is gone. Each option may come from the environment too: MOCK_PORT, MOCK_DELAY, MOCK_TLS_CERT, ...
//
// Answers: mock_answers.js. Faults: mock_faults.js. A fault is chosen per request, first hit wins:
//   1. POST /_control with [{"match": {"endpoint": "tags", "query": "a.example"}, "fault": "status-503", "times": 1}, ...]:
//      a queue; an entry without match fits all, times 0 is for ever
//   2. the name asked for: "FAULT.ENDPOINT.rest", as in "status-503.tags.example"; ENDPOINT is account, tags,
//      classification, passive-dns, subdomains or all; "2-times-status-503.tags.example" fails twice, then answers
//   3. {"$fault": ...} in a data file
//   4. --fault
// GET /_stats tells what was asked, POST /_reset forgets that and the queue.
//
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('fs');
const http = require('http');
const https = require('https');
const http2 = require('http2');
const { Answers, PATHS, answer, bytesOf, JSON_TYPE } = require('./mock_answers');
const { play, send } = require('./mock_faults');

const OPTIONS = ['port', 'delay', 'data', 'records', 'auth', 'quota', 'fault', 'tls-cert', 'tls-key', 'h2', 'client-ca'];
const FLAGS = ['h2'];
const BODY_LIMIT = 1 << 20;
const BY_QUERY_LIMIT = 10000;

function readOptions(args) {
    const o = { fault: [] };
    for (const name of OPTIONS) {
        const value = process.env['MOCK_' + name.toUpperCase().replace('-', '_')];
        if (value)
            o[name] = name === 'fault' ? value.split(/\s+/) : value;
    }
    for (let i = 0; i < args.length; i++) {
        const name = args[i].replace(/^--/, '');
        if (!args[i].startsWith('--') || !OPTIONS.includes(name) || (!FLAGS.includes(name) && i + 1 >= args.length)) {
            process.stderr.write(`mock: ${args[i]}: unknown option, or its value is missing; see the head of mock.js\n`);
            process.exit(64);
        }
        const value = FLAGS.includes(name) ? true : args[++i];
        if (name === 'fault')
            o.fault.push(value);
        else
            o[name] = value;
    }
    return o;
}

const options = readOptions(process.argv.slice(2));
const delay = Number(options.delay || 0);
const quota = options.quota === undefined ? Infinity : Number(options.quota);
const answers = new Answers(options.data, options.records === undefined ? undefined : Number(options.records));
const wantedAuth = options.auth ? 'Basic ' + Buffer.from(options.auth).toString('base64') : null;
const key = options.auth ? options.auth.slice(options.auth.indexOf(':') + 1) : null;
const standing = options.fault.map((f) => {
    const m = /^(account|tags|classification|passive_dns|passive-dns|subdomains|all):(.*)$/.exec(f);
    return m ? { endpoint: m[1].replace('-', '_'), fault: m[2] } : { endpoint: 'all', fault: f };
});

let stats;
let queue;     // from POST /_control
let countdown; // "2-times-" names: requests so far
let paid;
function reset() {
    stats = {
        calls: { account: 0, tags: 0, classification: 0, passive_dns: 0, subdomains: 0, other: 0 },
        connections: 0, requests: 0, in_flight_max: 0, refused: 0, query_in_url: 0, query_in_body: 0,
        url_or_body_with_key: 0, http2_requests: 0, last_headers: null, by_query_full: false, by_query: {},
    };
    queue = [];
    countdown = new Map();
    paid = 0;
}
reset();
let byQueryCount = 0;
let open = 0;
let inFlight = 0;

const NAMED = /^(?:(\d+)-times-)?([a-z][a-z0-9-]*)\.(account|tags|classification|passive_dns|passive-dns|subdomains|all)\./;

function pickFault(endpoint, query) {
    for (let i = 0; i < queue.length; i++) {
        const entry = queue[i];
        const match = entry.match || {};
        if ((match.endpoint && match.endpoint !== endpoint) || (match.query !== undefined && match.query !== query))
            continue;
        if (entry.times !== 0) {
            entry.times = (entry.times === undefined ? 1 : entry.times) - 1;
            if (entry.times <= 0)
                queue.splice(i, 1);
        }
        return entry.fault;
    }
    const m = NAMED.exec(query);
    if (m) {
        const place = m[3].replace('-', '_');
        if (place === 'all' || place === endpoint) {
            if (m[1] === undefined)
                return m[2];
            const seen = (countdown.get(endpoint + query) || 0) + 1;
            countdown.set(endpoint + query, seen);
            if (seen <= Number(m[1]))
                return m[2];
        }
    }
    return null;
}

function standingFault(endpoint) {
    const f = standing.find((s) => s.endpoint === 'all' || s.endpoint === endpoint);
    return f ? f.fault : null;
}

function queryOf(url, body) {
    const start = url.indexOf('query=');
    if (start > 0 && (url[start - 1] === '?' || url[start - 1] === '&')) {
        const end = url.indexOf('&', start);
        stats.query_in_url++;
        const text = url.slice(start + 6, end < 0 ? undefined : end);
        try {
            return text.includes('%') || text.includes('+') ? decodeURIComponent(text.replace(/\+/g, ' ')) : text;
        } catch (e) {
            return text;
        }
    }
    if (body) {
        try {
            const tree = JSON.parse(body.toString('utf8'));
            if (typeof tree.query === 'string') {
                stats.query_in_body++;
                return tree.query;
            }
        } catch (e) {
            return null;
        }
    }
    return null;
}

const UNAUTHORIZED = answer(401, JSON_TYPE, bytesOf({ message: 'invalid credentials' }));
const NO_ENDPOINT = answer(404, JSON_TYPE, bytesOf({ message: 'no such endpoint' }));
const NO_QUERY = answer(400, JSON_TYPE, bytesOf({ message: 'query is not a valid domain or ip address' }));
const QUOTA = answer(429, JSON_TYPE,
    bytesOf({ message: 'quota_exceeded: quota exceeded for operation search_api', success: false }));

function count(endpoint, query) {
    let entry = stats.by_query[query];
    if (!entry) {
        if (byQueryCount >= BY_QUERY_LIMIT) {
            stats.by_query_full = true;
            return;
        }
        byQueryCount++;
        entry = stats.by_query[query] = {};
    }
    entry[endpoint] = (entry[endpoint] || 0) + 1;
}

function respond(req, res, endpoint, query) {
    let a = answers.get(endpoint, query);
    const fault = pickFault(endpoint, query) || a.fault || standingFault(endpoint);
    if (a.fault)
        a = answers.make(endpoint, '');
    if (fault)
        play(fault, req, res, a);
    else
        send(res, a);
}

function handle(req, res, body) {
    const url = req.url;
    const at = url.indexOf('?');
    const place = at < 0 ? url : url.slice(0, at);
    if (place.startsWith('/_'))
        return control(req, res, place, body);
    stats.requests++;
    if (isHttp2(req))
        stats.http2_requests++;
    stats.last_headers = req.headers;
    if (key && (url.includes(key) || (body && body.includes(key))))
        stats.url_or_body_with_key++;
    if (wantedAuth && req.headers.authorization !== wantedAuth) {
        stats.refused++;
        return send(res, UNAUTHORIZED);
    }
    const endpoint = PATHS[place];
    if (!endpoint) {
        stats.calls.other++;
        return send(res, NO_ENDPOINT);
    }
    stats.calls[endpoint]++;
    let query = queryOf(url, body);
    if (query === null && endpoint !== 'account')
        return send(res, NO_QUERY);
    if (query === null)
        query = '';
    else
        count(endpoint, query);
    if (endpoint !== 'account' && ++paid > quota)
        return send(res, QUOTA);
    if (!delay)
        return respond(req, res, endpoint, query);
    inFlight++;
    if (inFlight > stats.in_flight_max)
        stats.in_flight_max = inFlight;
    setTimeout(() => {
        inFlight--;
        respond(req, res, endpoint, query);
    }, delay);
}

const isHttp2 = (req) => req.httpVersionMajor === 2;

function control(req, res, place, body) {
    const reply = (value) => send(res, answer(200, JSON_TYPE, bytesOf(value)));
    if (place === '/_stats')
        return reply(Object.assign({ open_connections: open, queue: queue.length }, stats));
    if (place === '/_reset') {
        reset();
        byQueryCount = 0;
        return reply({});
    }
    if (place === '/_control') {
        try {
            const list = JSON.parse(body.toString('utf8'));
            queue = queue.concat(list);
            return reply({ queue: queue.length });
        } catch (e) {
            return send(res, answer(400, JSON_TYPE, bytesOf({ message: String(e) })));
        }
    }
    return send(res, NO_ENDPOINT);
}

function onRequest(req, res) {
    const headers = req.headers;
    if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined && req.method === 'GET' &&
        !isHttp2(req))
        return handle(req, res, null);
    const parts = [];
    let length = 0;
    req.on('data', (part) => {
        length += part.length;
        if (length <= BODY_LIMIT)
            parts.push(part);
    });
    req.on('end', () => handle(req, res, length ? Buffer.concat(parts) : null));
    return undefined;
}

function onConnection(socket) {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    stats.connections++;
    open++;
    socket.on('close', () => open--);
}

function makeServer() {
    if (!options['tls-cert'])
        return http.createServer({ noDelay: true }, onRequest);
    const tls = {
        cert: fs.readFileSync(options['tls-cert']), key: fs.readFileSync(options['tls-key']), noDelay: true,
        requestCert: !!options['client-ca'], rejectUnauthorized: !!options['client-ca'],
        ca: options['client-ca'] ? fs.readFileSync(options['client-ca']) : undefined,
    };
    if (!options.h2)
        return https.createServer(tls, onRequest);
    const server = http2.createSecureServer(Object.assign({ allowHTTP1: true }, tls), onRequest);
    server.on('session', (session) => session.on('error', () => {}));
    server.on('sessionError', () => {});
    return server;
}

const server = makeServer();
server.on('connection', onConnection);
server.on('secureConnection', (socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
});
server.on('clientError', (error, socket) => socket.destroy());
server.on('tlsClientError', () => {});
server.keepAliveTimeout = 120e3;
server.headersTimeout = 0;
server.requestTimeout = 0;
server.timeout = 0;
process.on('SIGTERM', () => process.exit(0));
process.on('SIGINT', () => process.exit(0));
server.listen({ port: Number(options.port || 0), host: '127.0.0.1', backlog: 1024 }, () => {
    process.stdout.write(`ready ${options['tls-cert'] ? 'https' : 'http'}://127.0.0.1:${server.address().port}\n`);
});

// Nothing is left behind: a pipe on stdin that closes, or a parent that is gone, ends it.
const stdin = fs.fstatSync(0);
if (stdin.isFIFO() || stdin.isSocket()) {
    process.stdin.on('end', () => process.exit(0));
    process.stdin.on('error', () => process.exit(0));
    process.stdin.resume();
}
const parent = process.ppid;
setInterval(() => {
    if (process.ppid !== parent)
        process.exit(0);
}, 500).unref();
