#!/usr/bin/env node
// platform.js: plays the SOAR platform: its REST API (login, discovery, import) and what it does on the broker: function calls out,
// replies in.
//
//   node tests/soar/platform.js [--certs CERTS --cert server] [--broker PORT] [--prefix /api/respond] [--queue-handle passivetotal]
//
// --broker is the broker's plain port; without it only REST is played. Without --certs REST is plain http.
// Orgs: 201 "Test Org" (cloud account acct-201), 202 "Second Org" (acct-202), 203 "Closed Org" (not enabled); uuids org-uuid-201...
// Logins: key 11111111-2222-3333-4444-555555555555 / s3cr3t:key, and worker@example.com / pass word.
//
// Control (see control.js):
//   GET  /           { rest, port, connections }: "https://localhost:PORT"
//   GET  /requests   what REST was asked: [{ n, method, url, headers, body, status, conn, ms }]
//   POST /faults     [{ match, method, fault, times }]: `match` is part of the URL; fault is "hang", "html", "reset", "cut", "slow",
//                    "garbage", "empty" or a status; times 1, 0 for ever
//   POST /cert       { name }: from now on this certificate (server, wrong, expired)
//   POST /down       { on }: REST refuses connections, or no longer
//   POST /set        { actions_enabled, function, key_secret... }: see `state`; { handle }: queues of that name from now on
//   POST /reset      forgets requests, faults and replies
//   POST /call       { value, type }, { inputs }, { body } or { base64 }, and { org, count, function, headers, text, correlation, reply_to,
//                    queue }: sends; count calls get "evil-N.example" for a value of "evil-*.example". Answers { correlations } when it
//                    has been received. text: no content-length. A header of null is left out.
//   POST /wait       { correlations } or { count }, { timeout_ms }: replies once each has its complete one
//   GET  /replies    [{ correlation, complete, payload, raw, headers, destination, ms }]; ?correlation=
//   POST /read       { on: false }: leaves replies on the queue;   POST /settle { ms }: waits, then { complete, duplicate, lost }
//   POST /load       { count, window, value, type, timeout_ms }: keeps `window` calls under way, without receipts; answers figures
//
// SPDX-License-Identifier: Apache-2.0
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const https = require('https');
const { readOptions, readBody, serve, sleep, until } = require('./control');
const { Client } = require('./stomp');
const { actionCall, functionCall } = require('./calls');

const options = readOptions({ certs: null, cert: 'server', broker: null, prefix: '', 'queue-handle': 'passivetotal', port: '0' });
const state = {
    actions_enabled: true, version: '43.1.49', function: 'fn_passivetotal', handle: options['queue-handle'],
    key_id: '11111111-2222-3333-4444-555555555555', key_secret: 's3cr3t:key', email: 'worker@example.com', password: 'pass word',
    destination_conflicts: 1, // PUT of a message destination answers 409 so often
};
const orgs = [201, 202, 203].map((id, i) => ({
    id, name: ['Test Org', 'Second Org', 'Closed Org'][i], uuid: `org-uuid-${id}`, cloud_account: `acct-${id}`, enabled: id !== 203,
}));

// ------------------------------------------------------------------------------------------------------------------ REST

let requests = [], faults = [], connections = 0, down = false, imports = 0;
const sessions = new Map(); // JSESSIONID → csrf_token
const destinations = [{ id: 7, programmatic_name: state.handle, name: 'PassiveTotal', destination_type: 0, expect_ack: true, api_keys: [], users: [], vers: 1 }];

const isKey = (req) => req.headers.authorization ===
    'Basic ' + Buffer.from(`${state.key_id}:${state.key_secret}`).toString('base64');

function isSession(req) {
    const id = /(?:^|;\s*)JSESSIONID=([^;]+)/.exec(req.headers.cookie || '');
    return id && sessions.has(id[1]) && sessions.get(id[1]) === req.headers['x-sess-id'];
}

const loginAnswer = () => ({ orgs, api_key_handle: 42, user_id: 5, session_ip: '192.0.2.7', is_saml: false });

const PAGES = {
    'GET /rest/session': () => loginAnswer(),
    'GET /rest/orgs/ID': () => ({ id: 201, name: 'Test Org', actions_framework_enabled: state.actions_enabled }),
    'GET /rest/const': () => ({ server_version: { major: 43, minor: 1, build_number: 49, version: state.version } }),
    'GET /rest/orgs/ID/types/incident/fields': () => [{ name: 'name' }],
    'GET /rest/orgs/ID/types/actioninvocation/fields': () => [],
    'GET /rest/orgs/ID/actions': () => ({ entities: [{ id: 1, name: 'RiskIQ PassiveTotal Query' }] }),
    'GET /rest/orgs/ID/connectors/queues': () => ({ queues: [] }),
    'GET /rest/orgs/ID/types/__function/fields': () => [{ name: 'passivetotal_artifact_value' }, { name: 'passivetotal_artifact_type' }],
    'POST /rest/orgs/ID/configurations/imports': () => ({ id: ++imports, status: 'PENDING', messages: [] }),
    'GET /rest/orgs/ID/message_destinations': () => ({ entities: destinations }),
};

/** { status, body, headers } for a request that is logged in, or not. */
function answer(req, url, body) {
    const path = url.pathname.slice(options.prefix.length);
    if (req.method === 'POST' && path === '/rest/session') {
        const login = JSON.parse(body.toString());
        if (login.email !== state.email || login.password !== state.password)
            return { status: 401, body: { success: false, message: 'Invalid username or password' } };
        const id = crypto.randomUUID(), token = crypto.randomUUID();
        sessions.set(id, token);
        return { status: 200, headers: { 'Set-Cookie': `JSESSIONID=${id}; Path=/; Secure; HttpOnly` }, body: { ...loginAnswer(), csrf_token: token } };
    }
    if (!isKey(req) && !isSession(req))
        return { status: 401, body: { success: false, message: 'Unauthorized' } };
    const org = /^\/rest\/orgs\/([0-9]+)/.exec(path);
    if (org && !orgs.some((o) => String(o.id) === org[1] && o.enabled))
        return { status: 403, body: { success: false, message: 'not your organization' } };
    const functionName = /\/functions\/([^/]+)$/.exec(path);
    if (functionName) {
        return functionName[1] === state.function ?
            { status: 200, body: { id: 7, name: state.function, destination_handle: state.handle, view_items: [] } } :
            { status: 404, body: { success: false, message: 'Unable to find object with identifier ' + functionName[1] } };
    }
    const importId = /\/configurations\/imports\/([0-9]+)$/.exec(path);
    if (importId && req.method === 'PUT')
        return { status: 200, body: { ...JSON.parse(body.toString()), id: Number(importId[1]) } };
    const destination = /\/message_destinations\/([0-9]+)$/.exec(path);
    if (destination && req.method === 'PUT') {
        if (state.destination_conflicts-- > 0)
            return { status: 409, body: { success: false, message: 'edited by another user' } };
        Object.assign(destinations[0], JSON.parse(body.toString()));
        return { status: 200, body: destinations[0] };
    }
    if (destination)
        return { status: 200, body: destinations[0] };
    const page = PAGES[`${req.method} ${path.replace(/\/orgs\/[0-9]+/, '/orgs/ID')}`];
    return page ? { status: 200, body: page() } : { status: 404, body: { success: false, message: 'no such page' } };
}

function faultFor(req) {
    const fault = faults.find((f) => f.left !== 0 && req.url.includes(f.match || '') && (!f.method || f.method === req.method));
    if (fault)
        fault.left--;
    return fault ? String(fault.fault) : null;
}

const HTML = '<!DOCTYPE html><html><body><h1>Service unavailable</h1></body></html>';

async function onRequest(req, res) {
    const entry = { n: requests.length, method: req.method, url: req.url, headers: req.headers, conn: req.socket.number, status: 0, ms: Date.now() };
    requests.push(entry);
    const body = await readBody(req);
    entry.body = body.toString();
    const fault = faultFor(req);
    if (fault === 'hang')
        return;
    if (fault === 'reset') {
        (req.socket._parent || req.socket).resetAndDestroy();
        return;
    }
    if (fault === 'slow')
        await sleep(2000);
    let out;
    try {
        out = answer(req, new URL(req.url, 'http://x'), body);
    } catch (error) {
        out = { status: 400, body: { success: false, message: error.message } };
    }
    if (/^[0-9]+$/.test(fault || ''))
        out = { status: Number(fault), body: { success: false, message: `status ${fault} on purpose` } };
    let text = JSON.stringify(out.body), type = 'application/json';
    if (fault === 'html')
        [text, type] = [HTML, 'text/html'];
    if (fault === 'garbage')
        text = '{"orgs": [';
    if (fault === 'empty')
        text = '';
    entry.status = out.status;
    res.writeHead(out.status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text), ...out.headers });
    if (fault === 'cut') {
        res.write(text.slice(0, text.length / 2));
        setTimeout(() => req.socket.destroy(), 20);
    } else {
        res.end(text);
    }
}

const pair = (name) => ({ cert: fs.readFileSync(`${options.certs}/${name}.pem`), key: fs.readFileSync(`${options.certs}/${name}.key`) });
const rest = options.certs ? https.createServer(pair(options.cert), onRequest) : http.createServer(onRequest);
rest.on(options.certs ? 'secureConnection' : 'connection', (socket) => {
    socket.number = ++connections;
    socket.setNoDelay(true);
});
rest.on('connection', (socket) => down && socket.destroy());
rest.on('tlsClientError', () => {});

// ---------------------------------------------------------------------------------------------------------------- broker

let replies = [], sent = new Map(), seen = new Set(), next = 1;
const completions = new Map(); // correlation → how many complete replies
const arrivals = new Map();    // correlation → [resolve]

function onMessage(f) {
    if (seen.has(f.headers['message-id']))
        return; // the broker, not the worker, sent it twice
    seen.add(f.headers['message-id']);
    const raw = f.body.toString();
    let payload = null;
    try {
        payload = JSON.parse(raw);
    } catch (error) { /* stays null: the test looks at raw */ }
    const correlation = f.headers['correlation-id'];
    const complete = payload !== null && payload.complete === true;
    replies.push({ correlation, complete, payload, raw, headers: f.headers, destination: f.headers.destination, ms: Date.now() });
    if (!complete)
        return;
    completions.set(correlation, (completions.get(correlation) || 0) + 1);
    (arrivals.get(correlation) || []).forEach((resolve) => resolve());
    arrivals.delete(correlation);
}

const connect = () => options.broker ? new Client({ port: Number(options.broker), login: 'platform', passcode: 'manager', onMessage }) : null;
// Two connections: the broker reads nothing from one whose replies it cannot write, so a burst of calls could jam with their replies.
const broker = connect(), sender = connect();
const replyQueues = [201, 202].map((org) => `acks.${org}.${state.handle}`);
if (broker)
    replyQueues.forEach((queue) => broker.subscribe(queue));

async function sendOne(call, i, how) {
    const org = call.org || 201;
    const correlation = call.correlation || `invid:${next++}`;
    const value = String(call.value === undefined ? 'bad.example' : call.value).replace('*', String(i + 1));
    const body = call.base64 ? Buffer.from(call.base64, 'base64') : call.body !== undefined ? (typeof call.body === 'string' ? call.body : JSON.stringify(call.body)) :
        JSON.stringify(call.action ? actionCall() : functionCall(call.function || state.function, call.inputs || {
            passivetotal_artifact_type: call.type || 'DNS Name', passivetotal_artifact_value: value,
        }));
    const headers = {
        'reply-to': call.reply_to || `/queue/acks.${org}.${state.handle}`, 'correlation-id': correlation, persistent: 'true', priority: '4',
        Co3MessagePayload: 'FunctionDataDTO', Co3ContentType: 'application/json', Co3ContextToken: 'header.payload.signature',
        Co3RemoteAddr: '192.0.2.7', ...call.headers,
    };
    for (const name of Object.keys(headers)) {
        if (headers[name] === null)
            delete headers[name];
    }
    sent.set(correlation, Date.now());
    await sender[how || 'send'](`/queue/${call.queue || `actions.${org}.${state.handle}`}`, headers, body, call.text ? false : undefined);
    return correlation;
}

async function sendAll(call) {
    const correlations = [];
    for (let i = 0; i < (call.count || 1); i += 100) {
        const some = Array.from({ length: Math.min(100, (call.count || 1) - i) }, (unused, k) => sendOne(call, i + k));
        correlations.push(...await Promise.all(some));
    }
    return { correlations };
}

const completed = (correlation) => completions.has(correlation) ? Promise.resolve() :
    new Promise((resolve) => arrivals.set(correlation, [...(arrivals.get(correlation) || []), resolve]));

async function wait(query) {
    const ms = query.timeout_ms || 10000;
    if (query.correlations) {
        const wanted = new Set(query.correlations);
        await until(() => query.correlations.every((c) => completions.has(c)), ms, `complete replies to ${query.correlations.slice(0, 5)}`);
        return replies.filter((r) => wanted.has(r.correlation));
    }
    await until(() => completions.size >= query.count, ms, `${query.count} complete replies`);
    return replies;
}

function settled() {
    const all = [...sent.keys()];
    return {
        sent: all.length, complete: completions.size, duplicate: all.filter((c) => completions.get(c) > 1),
        lost: all.filter((c) => !completions.has(c)),
    };
}

async function load(call) {
    const times = [], begun = process.hrtime.bigint();
    let started = 0;
    const one = async () => {
        while (started < call.count) {
            const i = started++, from = process.hrtime.bigint();
            await completed(await sendOne(call, i, 'post'));
            times.push(Number(process.hrtime.bigint() - from) / 1e6);
        }
    };
    const all = Promise.all(Array.from({ length: call.window || 1 }, one));
    const limit = call.timeout_ms || 60000;
    let timer;
    const late = new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`${times.length} of ${call.count} calls within ${limit} ms`)), limit);
    });
    await Promise.race([all, late]).finally(() => clearTimeout(timer));
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
    times.sort((a, b) => a - b);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
    return { count: times.length, seconds, per_second: times.length / seconds, p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99) };
}

// --------------------------------------------------------------------------------------------------------------- control

rest.listen(Number(options.port), '127.0.0.1', () => serve({
    '': () => ({ rest: `${options.certs ? 'https' : 'http'}://localhost:${rest.address().port}`, port: rest.address().port, connections }),
    requests: () => requests,
    faults: (list) => { faults = list.map((f) => ({ ...f, left: f.times === undefined ? 1 : f.times === 0 ? -1 : f.times })); },
    cert: (value) => rest.setSecureContext(pair(value.name)),
    down: (value) => {
        down = value.on !== false;
        if (down)
            rest.closeAllConnections();
    },
    set: async (value) => {
        Object.assign(state, value);
        if (value.handle && broker) {
            for (const queue of [201, 202].map((org) => `acks.${org}.${value.handle}`).filter((q) => !replyQueues.includes(q))) {
                replyQueues.push(queue);
                await broker.subscribe(queue);
            }
            Object.assign(destinations[0], { programmatic_name: value.handle, api_keys: [], vers: 1 });
        }
    },
    reset: () => {
        requests = [];
        faults = [];
        replies = [];
        sent = new Map();
        seen = new Set();
        completions.clear();
    },
    call: sendAll,
    wait,
    replies: (value, query) => replies.filter((r) => !query.get('correlation') || r.correlation === query.get('correlation')),
    read: (value) => replyQueues.forEach((queue) => value.on === false ? broker.unsubscribe(queue) : broker.subscribe(queue)),
    settle: async (value) => {
        await sleep(value.ms || 0);
        return settled();
    },
    load,
}, () => broker && [broker, sender].forEach((client) => client.close())));
