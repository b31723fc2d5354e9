#!/usr/bin/env node
// proxy.js: a small HTTP proxy on loopback for tests: CONNECT and absolute URIs, basic auth, a log of what was asked.
//
//   node tests/lib/proxy.js [--port N] [--auth USER:PASSWORD] [--refuse STATUS] [--hang] [--tls-cert FILE --tls-key FILE]
//
// Prints "ready http://127.0.0.1:PORT". GET /_log (asked directly) is a JSON list of { method, target, auth, user_agent };
// POST /_reset empties it. Every name leads to 127.0.0.1, so that "api.example" can be asked through it.
//
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('fs');
const http = require('http');
const https = require('https');
const net = require('net');

const OPTIONS = ['port', 'auth', 'refuse', 'hang', 'tls-cert', 'tls-key'];
const options = {};
for (let args = process.argv.slice(2); args.length;) {
    const name = args[0].replace(/^--/, '');
    if (!OPTIONS.includes(name)) {
        process.stderr.write(`proxy: ${args[0]}: unknown option; see the head of proxy.js\n`);
        process.exit(64);
    }
    options[name] = name === 'hang' ? true : args[1];
    args = args.slice(name === 'hang' ? 1 : 2);
}
const wantedAuth = options.auth ? 'Basic ' + Buffer.from(options.auth).toString('base64') : null;
let log = [];

function verdict(req) { // 0: let it pass
    log.push({
        method: req.method, target: req.url, auth: req.headers['proxy-authorization'] || null,
        user_agent: req.headers['user-agent'] || null, server_auth_seen: req.headers.authorization !== undefined,
    });
    if (wantedAuth && req.headers['proxy-authorization'] !== wantedAuth)
        return 407;
    return options.refuse ? Number(options.refuse) : 0;
}

const challenge = (status) => status === 407 ? { 'Proxy-Authenticate': 'Basic realm="test"' } : {};

function onRequest(req, res) {
    if (req.url === '/_log')
        return res.end(JSON.stringify(log));
    if (req.url === '/_reset') {
        log = [];
        return res.end('{}');
    }
    const status = verdict(req);
    if (options.hang)
        return undefined;
    if (status) {
        res.writeHead(status, challenge(status));
        return res.end('refused by the proxy');
    }
    let url;
    try {
        url = new URL(req.url);
    } catch (e) {
        res.writeHead(400);
        return res.end('no absolute URI');
    }
    const headers = Object.assign({}, req.headers);
    delete headers['proxy-authorization'];
    const where = { host: '127.0.0.1', port: url.port || 80, method: req.method, path: url.pathname + url.search, headers };
    const onward = http.request(where, (answer) => {
        res.writeHead(answer.statusCode, answer.rawHeaders);
        answer.pipe(res);
    });
    onward.on('error', () => {
        res.writeHead(502);
        res.end();
    });
    req.pipe(onward);
    return undefined;
}

function onConnect(req, client, head) {
    client.on('error', () => {});
    const status = verdict(req);
    if (options.hang)
        return;
    if (status) {
        const extra = Object.entries(challenge(status)).map(([k, v]) => `${k}: ${v}\r\n`).join('');
        client.end(`HTTP/1.1 ${status} Refused\r\n${extra}Content-Length: 0\r\n\r\n`);
        return;
    }
    const onward = net.connect(Number(req.url.slice(req.url.lastIndexOf(':') + 1)), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        onward.write(head);
        onward.pipe(client);
        client.pipe(onward);
    });
    onward.setNoDelay(true);
    client.setNoDelay(true);
    onward.on('error', () => client.destroy());
    onward.on('close', () => client.destroy());
    client.on('close', () => onward.destroy());
}

const server = options['tls-cert'] ?
    https.createServer({ cert: fs.readFileSync(options['tls-cert']), key: fs.readFileSync(options['tls-key']) }, onRequest) :
    http.createServer(onRequest);
server.on('connect', onConnect);
server.on('clientError', (error, socket) => socket.destroy());
server.on('connection', (socket) => socket.setNoDelay(true));
server.listen({ port: Number(options.port || 0), host: '127.0.0.1' }, () => {
    process.stdout.write(`ready ${options['tls-cert'] ? 'https' : 'http'}://127.0.0.1:${server.address().port}\n`);
});

process.on('SIGTERM', () => process.exit(0));
const stdin = fs.fstatSync(0);
if (stdin.isFIFO() || stdin.isSocket()) {
    process.stdin.on('end', () => process.exit(0));
    process.stdin.resume();
}
const parent = process.ppid;
setInterval(() => {
    if (process.ppid !== parent)
        process.exit(0);
}, 500).unref();
