#!/usr/bin/env node
// tap.js: stands between worker and broker, ends TLS, sees each frame, and can do to them all that a bad line does.
//
//   node tests/soar/tap.js --to PORT --certs CERTS [--cert server] [--tls-max TLSv1.2] [--tls-to] [--raw] [--port N]
//
// --to is the broker's plain port (its TLS port with --tls-to). --raw forwards TCP as it is: cut and freeze only, no frames.
// Control (see control.js):
//   GET  /         { port, connections: now open, accepted: in all, handshakes: finished TLS ones }
//   GET  /log      [{ n, conn, dir, command, headers, order, body, ms }]: dir is "up" (to the broker) or "down"; ?command= ?dir= pick
//   POST /reset    forget log, counters, rules and shape; open again what was frozen or refused
//   POST /rules    [{ dir, command, nth, conn, do, at, ms, times }]: nth match of a frame by dir and command (each optional; no
//                  command matches all but heart-beats), counted from now on, does:
//                    "cut-before" "cut-after"  both connections end; frames before it arrive whole
//                    "cut-at"     after `at` bytes of the frame         "drop"   it never arrives
//                    "freeze-before" "freeze-after"  nothing more is passed, either way, and nothing closed, until /thaw
//                    "delay"      it and all behind it wait `ms`
//                  times: how often (1); nth then counts anew. "how": "rst" ends with a reset.
//   POST /shape    { split: [least, most], gap_ms, merge_ms, seed }: bytes go on in pieces of random size, or gathered; {} ends it
//   POST /cut      all connections now, { how: "rst" };   POST /freeze, POST /thaw   all, now;   POST /refuse { on }  accept nothing
//   POST /inject   { dir, text or base64 }: bytes of our own into every open connection
//
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('fs');
const net = require('net');
const tls = require('tls');
const { readOptions, serve, sleep } = require('./control');
const { Parser } = require('./stomp');

const BODY_KEPT = 64 << 10;
const options = readOptions({ to: null, certs: null, cert: 'server', 'tls-max': 'TLSv1.3', 'tls-to': false, raw: false, port: '0' });

let log = [], rules = [], shape = {}, refusing = false, frozen = false;
let accepted = 0, handshakes = 0, number = 0, thawed = [];
const open = new Set();

let seed = 1;
function random(least, most) { // xorshift: the same seed cuts the same way
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return least + (seed >>> 0) % (most - least + 1);
}

const waitForThaw = () => frozen ? new Promise((resolve) => thawed.push(resolve)) : null;

function thaw() {
    frozen = false;
    thawed.splice(0).forEach((resolve) => resolve());
}

/** What the rules say to this frame: the first that fits and is due. */
function verdict(conn, dir, f) {
    for (const rule of rules) {
        const fits = (!rule.dir || rule.dir === dir) && (rule.command ? rule.command === f.command : f.command !== 'BEAT') &&
            (rule.conn === undefined || rule.conn === conn.id);
        if (!fits || rule.left === 0 || ++rule.seen < rule.nth)
            continue;
        rule.seen = 0;
        rule.left--;
        return rule;
    }
    return null;
}

/** One direction: frames in order, each decided on, then passed on as one write or as the shape has it. */
class Flow {
    constructor(conn, dir, from, to) {
        Object.assign(this, { conn, dir, to, parser: new Parser(), queue: Promise.resolve(), held: [] });
        from.on('data', (bytes) => {
            from.pause(); // one piece at a time, so that nothing piles up behind a frozen line
            this.queue = this.queue.then(() => this.take(bytes)).then(() => from.resume());
        });
    }

    async take(bytes) {
        if (options.raw)
            return this.pass(bytes);
        for (const f of this.parser.push(bytes)) {
            if (this.conn.ended)
                return undefined;
            await this.frame(f);
        }
        return undefined;
    }

    async frame(f) {
        log.push({
            n: number++, conn: this.conn.id, dir: this.dir, command: f.command, headers: f.headers, order: f.order,
            body: f.body.toString('utf8', 0, BODY_KEPT), length: f.body.length, ms: Date.now(),
        });
        const rule = verdict(this.conn, this.dir, f) || { do: '' };
        if (rule.do === 'drop')
            return;
        if (rule.do === 'cut-before') {
            await this.conn.end(rule.how);
            return;
        }
        if (rule.do === 'freeze-before')
            frozen = true;
        if (rule.do === 'delay')
            await sleep(rule.ms);
        await this.pass(rule.do === 'cut-at' ? f.raw.subarray(0, rule.at) : f.raw);
        if (rule.do === 'cut-at' || rule.do === 'cut-after')
            await this.conn.end(rule.how);
        if (rule.do === 'freeze-after')
            frozen = true;
    }

    async pass(bytes) {
        await waitForThaw();
        if (shape.merge_ms) {
            this.held.push(bytes);
            if (this.held.length === 1)
                setTimeout(() => this.release(), shape.merge_ms);
            return;
        }
        for (let at = 0; at < bytes.length && !this.conn.ended;) {
            const size = shape.split ? random(shape.split[0], shape.split[1]) : bytes.length;
            await this.write(bytes.subarray(at, at + size));
            at += size;
            if (shape.split && at < bytes.length)
                await (shape.gap_ms ? sleep(shape.gap_ms) : new Promise(setImmediate));
        }
    }

    release() {
        if (!this.conn.ended && this.held.length)
            this.write(Buffer.concat(this.held.splice(0)));
    }

    write(bytes) {
        if (this.to.destroyed || this.to.write(bytes))
            return null;
        return new Promise((resolve) => {
            this.to.once('drain', resolve);
            this.to.once('close', resolve);
        });
    }
}

class Connection {
    constructor(client) {
        this.id = ++accepted;
        this.client = client;
        this.ended = false;
        const to = { port: Number(options.to), host: '127.0.0.1' };
        this.broker = options['tls-to'] ? tls.connect({ ...to, rejectUnauthorized: false }) : net.connect(to);
        open.add(this);
        for (const [socket, other] of [[client, this.broker], [this.broker, client]]) {
            socket.setNoDelay(true);
            socket.on('error', () => {});
            socket.on('end', () => frozen || this.flows.forEach((flow) => flow.release()));
            socket.on('close', async () => {
                await waitForThaw();
                await Promise.all(this.flows.map((flow) => flow.queue)); // what it said last arrives first
                if (!shape.merge_ms)
                    other.end();
                else
                    setTimeout(() => other.end(), shape.merge_ms + 5);
                open.delete(this);
            });
        }
        this.flows = [new Flow(this, 'up', client, this.broker), new Flow(this, 'down', this.broker, client)];
    }

    /** The broker gets what was passed, then the end; the client too, unless it is a reset. */
    async end(how) {
        if (this.ended)
            return;
        this.ended = true;
        open.delete(this);
        if (how === 'rst') {
            (this.client._parent || this.client).resetAndDestroy();
            this.broker.end();
        } else {
            this.client.end();
            this.broker.end();
        }
        await sleep(0);
        setTimeout(() => {
            this.client.destroy();
            this.broker.destroy();
        }, 1000).unref();
    }
}

function accept(client) {
    handshakes++;
    if (refusing || frozen === 'all')
        return client.destroy();
    return new Connection(client);
}

const server = options.raw ? net.createServer(accept) : tls.createServer({
    cert: fs.readFileSync(`${options.certs}/${options.cert}.pem`), key: fs.readFileSync(`${options.certs}/${options.cert}.key`),
    minVersion: 'TLSv1.2', maxVersion: options['tls-max'],
}, accept);
server.on('tlsClientError', () => {});
server.on('connection', (socket) => refusing && socket.destroy());

server.listen(Number(options.port), '127.0.0.1', () => serve({
    '': () => ({ port: server.address().port, connections: open.size, accepted, handshakes }),
    log: (value, query) => log.filter((f) => (!query.get('command') || f.command === query.get('command')) &&
        (!query.get('dir') || f.dir === query.get('dir'))),
    reset: () => {
        log = [];
        rules = [];
        shape = {};
        accepted = handshakes = 0;
        refusing = false;
        thaw();
    },
    rules: (list) => { rules = list.map((rule) => ({ nth: 1, ...rule, seen: 0, left: rule.times || 1 })); },
    shape: (value) => {
        shape = value;
        seed = value.seed || 1;
    },
    cut: (value) => Promise.all([...open].map((conn) => conn.end(value.how))).then(() => undefined),
    freeze: () => { frozen = true; },
    thaw,
    refuse: (value) => { refusing = value.on !== false; },
    inject: (value) => {
        const bytes = value.base64 ? Buffer.from(value.base64, 'base64') : Buffer.from(value.text);
        open.forEach((conn) => (value.dir === 'up' ? conn.broker : conn.client).write(bytes));
    },
}));
