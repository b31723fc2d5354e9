// mock_faults.js: every way in which an HTTP server can disappoint, by name.
//
// A fault is a text, "name" or "name-N" ("status-503", "delay-200"), or an object { name, n, ...fields }.
// play(fault, request, response, good) answers the request; `good` is the answer it would have had.
//
//   status-N            HTTP N with a fitting body; fields status, headers, body; "status-429-120" adds Retry-After: 120
//   retry-date-N        503 whose Retry-After is the HTTP date N seconds from now
//   quota-200           status 200, {"message":"quota_exceeded"}
//   empty               200 without a body                 html, text, bad-json, wrong-type   200 with the wrong content
//   new-word            200 with a classification that nobody knows
//   part, no-success    200 with a tag that is an object, with "success": 0
//   object, null, array 200 with {}, null, []              deep, nul, bom, bad-utf8, trailing 200 with hostile JSON
//   truncate            Content-Length longer than what comes; -chunked: no last chunk; -gzip: half a gzip stream
//   excess              more bytes than Content-Length
//   reset, reset-mid    RST at once, or after half the body      close     FIN before any byte
//   hang, hang-mid      silence at once, or after half the body  delay-N   N ms later, all is well
//   drip-N              a byte each N ms (20)                    slow-headers-N  the same from the first header byte
//   redirect-same, -other, -loop, -http, -user, -relative
//   gzip, deflate, gzip-bad, gzip-bomb-N (N MB unpacked, 64)     encoding  an encoding nobody knows
//   huge-N, huge-chunked-N   N MB (64)                           big-header-N  a header of N KB (512)
//   garbage             bytes that are not HTTP                  goaway    GOAWAY (HTTP/2), Connection: close (HTTP/1.1)
//
// SPDX-License-Identifier: Apache-2.0
'use strict';
const zlib = require('zlib');
const http2 = require('http2');
const { answer, bytesOf, JSON_TYPE } = require('./mock_answers');

const MESSAGES = {
    400: 'query is not a valid domain or ip address', 401: 'invalid credentials',
    402: 'This endpoint is not part of your license', 403: 'access denied', 404: 'no results',
    429: 'quota_exceeded: quota exceeded for operation search_api', 500: 'Internal Server Error', 503: 'service unavailable',
};
const HTML = '<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in to the network</h1></body></html>';
const BODIES = {
    'new-word': '{"classification":"harmful"}', part: '{"tags":["plain",{"tag":"compromised"}]}', 'no-success': '{"success":0,"tags":[]}',
    'bad-json': '{"tags": ["compromised", }', object: '{}', null: 'null', array: '[]',
    deep: '{"tags":' + '['.repeat(50000) + ']'.repeat(50000) + '}',
    nul: '{"tags":["compro\u0000mised"],"classification":"mal\\u0000icious"}',
    bom: '\ufeff{"tags":["compromised"]}', trailing: '{"tags":["compromised"]} {"tags":[]}', empty: '',
    'quota-200': '{"message":"quota_exceeded"}',
};

function parse(fault) {
    if (typeof fault !== 'string')
        return fault;
    const m = /^([a-z-]+?)(?:-(\d+))?(?:-(\d+))?$/.exec(fault);
    // quota-200 is a name of its own
    if (!m || fault === 'quota-200')
        return { name: fault };
    const number = (text) => text === undefined ? undefined : Number(text);
    return { name: m[1], n: number(m[2]), m: number(m[3]) };
}

function send(res, a) {
    res.writeHead(a.status, a.headers);
    res.end(a.body);
}

const isHttp2 = (req) => req.httpVersionMajor === 2;

// End the connection (HTTP/2: the stream) the hard or the soft way, after what was written has left.
function cut(req, res, hard) {
    if (isHttp2(req)) {
        if (hard)
            res.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
        else
            res.stream.session.destroy();
    } else if (hard && req.socket.resetAndDestroy) {
        (req.socket._parent || req.socket).resetAndDestroy(); // below TLS: a real RST
    } else {
        req.socket.end();
    }
}

function half(res, good, extraHeaders) {
    const list = good.headers.concat(extraHeaders || []);
    res.writeHead(good.status, list);
    res.write(good.body.subarray(0, good.body.length >> 1));
}

// Raw bytes on an HTTP/1.1 connection, `step` at a time.
function trickle(socket, bytes, every) {
    let at = 0;
    const timer = setInterval(() => {
        if (socket.destroyed || at >= bytes.length) {
            clearInterval(timer);
            socket.end();
            return;
        }
        socket.write(bytes.subarray(at, at + 1));
        at++;
    }, every);
    socket.on('close', () => clearInterval(timer));
}

function flood(res, total, head) {
    res.writeHead(200, head);
    const chunk = Buffer.alloc(65536, ' ');
    let left = total;
    const more = () => {
        while (left > 0 && !res.destroyed) {
            left -= chunk.length;
            if (!res.write(left < 0 ? chunk.subarray(0, chunk.length + left) : chunk))
                return void res.once('drain', more);
        }
        if (!res.destroyed)
            res.end();
    };
    res.on('error', () => {});
    more();
}

const bombs = new Map();
function bomb(mb) { // made once: packed a thousand to one
    if (!bombs.has(mb))
        bombs.set(mb, zlib.gzipSync(Buffer.alloc(mb << 20, ' '), { level: 9 }));
    return bombs.get(mb);
}

const typed = (type, text) => answer(200, { 'Content-Type': type }, bytesOf(text));
function packed(encoding, bytes) {
    return answer(200, Object.assign({ 'Content-Encoding': encoding }, JSON_TYPE), bytes);
}

function redirect(req, res, kind) {
    const encrypted = isHttp2(req) || req.socket.encrypted;
    const host = req.headers.host || req.headers[':authority'];
    const url = req.url;
    const arrived = url.includes('hop=1');
    const hop = url + (url.includes('?') ? '&' : '?') + 'hop=1';
    const scheme = encrypted ? 'https' : 'http';
    const where = {
        same: `${scheme}://${host}${hop}`,
        relative: hop,
        loop: url,
        other: `${scheme}://other.invalid/login?next=x`,
        http: `${encrypted ? 'http' : 'https'}://${host}${hop}`,
        user: `${scheme}://someone:secret@other.invalid/`,
    }[kind];
    if (arrived && kind !== 'loop')
        return false;
    send(res, answer(302, { Location: where, 'Content-Type': 'text/html' }, bytesOf('<p>moved</p>')));
    return true;
}

function play(fault, req, res, good) {
    const f = parse(fault);
    const name = f.name;
    switch (name) {
    case 'status': {
        const status = f.status || f.n;
        const headers = Object.assign({}, JSON_TYPE, f.m === undefined ? {} : { 'Retry-After': f.m }, f.headers);
        const text = f.body !== undefined ? f.body : { message: MESSAGES[status] || `status ${status}` };
        return send(res, answer(status, headers, status === 204 || status === 304 ? Buffer.alloc(0) : bytesOf(text)));
    }
    case 'retry-date': {
        const headers = Object.assign({ 'Retry-After': new Date(Date.now() + f.n * 1000).toUTCString() }, JSON_TYPE);
        return send(res, answer(503, headers, bytesOf({ message: MESSAGES[503] })));
    }
    case 'html': return send(res, typed('text/html', HTML));
    case 'text': return send(res, typed('text/plain', 'try again later'));
    case 'wrong-type': return send(res, answer(200, { 'Content-Type': 'text/html' }, good.body));
    case 'bad-utf8': return send(res, typed('application/json', Buffer.from('{"tags":["\xff\xfe\xc3("]}', 'latin1')));
    case 'truncate': half(res, good); return setTimeout(cut, 5, req, res, isHttp2(req));
    case 'truncate-chunked':
        res.writeHead(200, JSON_TYPE);
        res.write(good.body.subarray(0, good.body.length >> 1));
        return setTimeout(cut, 5, req, res, isHttp2(req));
    case 'truncate-gzip': {
        const z = zlib.gzipSync(good.body);
        return send(res, packed('gzip', z.subarray(0, z.length >> 1)));
    }
    case 'excess': {
        const bytes = Buffer.concat([good.body, Buffer.from('{"tags":["excess"]}')]);
        if (isHttp2(req))
            return send(res, good);
        req.socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${good.body.length}\r\n\r\n`);
        return req.socket.end(bytes);
    }
    case 'reset': return cut(req, res, true);
    case 'reset-mid': half(res, good); return setTimeout(cut, 5, req, res, true);
    case 'close': return cut(req, res, false);
    case 'hang': return undefined;
    case 'hang-mid': return half(res, good);
    case 'delay': return setTimeout(send, f.n, res, good);
    case 'drip': {
        res.writeHead(good.status, good.headers);
        let at = 0;
        const timer = setInterval(() => {
            if (res.destroyed)
                return clearInterval(timer);
            res.write(good.body.subarray(at, at + 1));
            if (++at >= good.body.length) {
                clearInterval(timer);
                res.end();
            }
        }, f.n || 20);
        return undefined;
    }
    case 'slow-headers': {
        if (isHttp2(req))
            return setTimeout(send, (f.n || 20) * 100, res, good);
        const length = `Content-Length: ${good.body.length}`;
        const head = `HTTP/1.1 ${good.status} OK\r\nContent-Type: application/json\r\n${length}\r\n\r\n`;
        return trickle(req.socket, Buffer.concat([Buffer.from(head), good.body]), f.n || 20);
    }
    case 'redirect-same': case 'redirect-other': case 'redirect-loop':
    case 'redirect-http': case 'redirect-user': case 'redirect-relative':
        return redirect(req, res, name.slice('redirect-'.length)) || send(res, good);
    case 'gzip': return send(res, packed('gzip', zlib.gzipSync(good.body)));
    case 'deflate': return send(res, packed('deflate', zlib.deflateSync(good.body)));
    case 'gzip-bad': return send(res, packed('gzip', Buffer.from('this is not gzip at all, whatever it says')));
    case 'encoding': return send(res, packed('x-unheard-of', good.body));
    case 'gzip-bomb': return send(res, packed('gzip', bomb(f.n || 64)));
    case 'huge': return flood(res, (f.n || 64) << 20, Object.assign({ 'Content-Length': (f.n || 64) << 20 }, JSON_TYPE));
    case 'huge-chunked': return flood(res, (f.n || 64) << 20, JSON_TYPE);
    case 'big-header':
        return send(res, answer(200, Object.assign({ 'X-Big': 'x'.repeat((f.n || 512) << 10) }, JSON_TYPE), good.body));
    case 'garbage':
        if (isHttp2(req))
            return cut(req, res, true);
        return req.socket.end('\x16\x03\x01 this is no HTTP at all\r\n\r\n');
    case 'goaway':
        if (isHttp2(req)) {
            send(res, good);
            return res.stream.session.goaway(http2.constants.NGHTTP2_INTERNAL_ERROR);
        }
        return send(res, { status: good.status, headers: good.headers.concat(['Connection', 'close']), body: good.body });
    default:
        if (BODIES[name] !== undefined)
            return send(res, typed('application/json', BODIES[name]));
        return send(res, answer(500, JSON_TYPE, bytesOf({ message: `the mock has no fault "${name}"` })));
    }
}

module.exports = { play, send };
