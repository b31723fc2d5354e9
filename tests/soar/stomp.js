// stomp.js: STOMP 1.2 for the harness: a parser that keeps each frame's bytes as they came, and a client that comes back when
// the broker does. On purpose not ours in C: a mistake there must not be made here too.
//
// SPDX-License-Identifier: Apache-2.0
'use strict';
const net = require('net');

const RECEIPT_MS = 30000;

const ESCAPES = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', ':': '\\c' };
const ESCAPED = { '\\\\': '\\', '\\n': '\n', '\\r': '\r', '\\c': ':' };
const escape = (text) => String(text).replace(/[\\\n\r:]/g, (c) => ESCAPES[c]);
const unescape = (text) => text.replace(/\\[\\nrc]/g, (c) => ESCAPED[c]);

/** headers: an object, or pairs where a name may come twice. body: string or Buffer; `length` false leaves content-length out. */
function frame(command, headers, body, length) {
    const plain = command === 'CONNECT';
    const pairs = Array.isArray(headers) ? headers : Object.entries(headers || {});
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body || '');
    let head = command + '\n';
    for (const [name, value] of pairs)
        head += plain ? `${name}:${value}\n` : `${escape(name)}:${escape(value)}\n`;
    if (bytes.length && length !== false)
        head += `content-length:${bytes.length}\n`;
    return Buffer.concat([Buffer.from(head + '\n'), bytes, Buffer.from([0])]);
}

/** push(bytes) gives [{ raw, command, headers, body }]; a heart-beat is { raw, command: 'BEAT' }. */
class Parser {
    constructor() {
        this.parts = [];
        this.size = 0;
        this.needed = 1; // bytes without which it is not worth looking
    }

    push(bytes) {
        this.parts.push(bytes);
        this.size += bytes.length;
        const frames = [];
        if (this.size < this.needed)
            return frames;
        let buffer = this.parts.length === 1 ? this.parts[0] : Buffer.concat(this.parts);
        this.needed = 1;
        for (let f; buffer.length && (f = this.next(buffer)); buffer = buffer.subarray(f.raw.length))
            frames.push(f);
        this.parts = buffer.length ? [buffer] : [];
        this.size = buffer.length;
        return frames;
    }

    next(buffer) {
        const beat = buffer[0] === 10 ? 1 : buffer[0] === 13 && buffer[1] === 10 ? 2 : 0;
        if (beat)
            return { raw: buffer.subarray(0, beat), command: 'BEAT', headers: {}, body: Buffer.alloc(0) };
        const lf = buffer.indexOf('\n\n'), crlf = buffer.indexOf('\n\r\n');
        const end = lf < 0 || (crlf >= 0 && crlf < lf) ? crlf : lf;
        if (end < 0)
            return null;
        const start = end + (end === lf ? 2 : 3);
        const lines = buffer.toString('utf8', 0, end).split('\n').map((line) => line.replace(/\r$/, ''));
        const command = lines.shift();
        const plain = command === 'CONNECTED' || command === 'CONNECT';
        const headers = {};
        for (const line of lines) {
            const colon = line.indexOf(':');
            const name = plain ? line.slice(0, colon) : unescape(line.slice(0, colon));
            if (!(name in headers))
                headers[name] = plain ? line.slice(colon + 1) : unescape(line.slice(colon + 1));
        }
        const counted = 'content-length' in headers;
        const stop = counted ? start + Number(headers['content-length']) : buffer.indexOf(0, start);
        if (stop < 0 || stop >= buffer.length) {
            this.needed = counted ? stop + 1 : 1;
            return null;
        }
        return { raw: buffer.subarray(0, stop + 1), command, headers, body: buffer.subarray(start, stop), order: lines };
    }
}

/** A client on a plain port. Reconnects for ever; subscriptions come back by themselves. send() resolves with the receipt. */
class Client {
    constructor({ port, login, passcode, onMessage }) {
        Object.assign(this, { port, login, passcode, onMessage, subscriptions: new Set(), receipts: new Map(), nextReceipt: 1 });
        this.closed = false;
        this.up = false;
        this.waiters = [];
        this.connect();
    }

    connect() {
        const socket = this.socket = net.connect(this.port, '127.0.0.1');
        const parser = new Parser();
        socket.setNoDelay(true);
        socket.on('connect', () => socket.write(frame('CONNECT', {
            'accept-version': '1.2', 'heart-beat': '0,0', host: 'localhost', login: this.login, passcode: this.passcode,
        })));
        socket.on('data', (bytes) => parser.push(bytes).forEach((f) => this.onFrame(f)));
        socket.on('error', () => {});
        socket.on('close', () => {
            this.up = false;
            for (const { reject } of this.receipts.values())
                reject(new Error('connection to the broker lost'));
            this.receipts.clear();
            if (!this.closed)
                setTimeout(() => this.connect(), 100);
        });
    }

    onFrame(f) {
        if (f.command === 'CONNECTED') {
            this.up = true;
            this.subscriptions.forEach((queue) => this.subscribeNow(queue));
            this.waiters.splice(0).forEach((resolve) => resolve());
        } else if (f.command === 'MESSAGE') {
            this.onMessage(f);
            this.socket.write(frame('ACK', { id: f.headers.ack }));
        } else if (f.command === 'RECEIPT' || f.command === 'ERROR') {
            const waiting = this.receipts.get(f.headers['receipt-id']);
            this.receipts.delete(f.headers['receipt-id']);
            if (waiting)
                f.command === 'RECEIPT' ? waiting.resolve() : waiting.reject(new Error(f.headers.message));
            else if (f.command === 'ERROR')
                process.stderr.write(`broker: ${f.headers.message}\n`);
        }
    }

    ready() {
        return this.up ? Promise.resolve() : new Promise((resolve) => this.waiters.push(resolve));
    }

    subscribeNow(queue) {
        this.socket.write(frame('SUBSCRIBE', { id: queue, destination: queue, ack: 'client-individual', 'activemq.prefetchSize': 1000 }));
    }

    subscribe(queue) {
        if (this.subscriptions.has(queue))
            return;
        this.subscriptions.add(queue);
        if (this.up)
            this.subscribeNow(queue);
    }

    unsubscribe(queue) {
        if (this.subscriptions.delete(queue) && this.up)
            this.socket.write(frame('UNSUBSCRIBE', { id: queue }));
    }

    /** The broker stores it behind our back: quicker, and lost when it dies right now. */
    async post(destination, headers, body, length) {
        await this.ready();
        this.socket.write(frame('SEND', { destination, ...headers }, body, length));
    }

    async send(destination, headers, body, length) {
        await this.ready();
        const receipt = `p${this.nextReceipt++}`;
        let late;
        const answer = new Promise((resolve, reject) => {
            late = setTimeout(() => reject(new Error(`no receipt for a message to ${destination} within ${RECEIPT_MS} ms`)), RECEIPT_MS);
            this.receipts.set(receipt, { resolve, reject });
            this.socket.write(frame('SEND', { destination, ...headers, receipt }, body, length));
        });
        return answer.finally(() => clearTimeout(late));
    }

    close() {
        this.closed = true;
        this.socket.destroy();
    }
}

module.exports = { frame, Parser, Client };
