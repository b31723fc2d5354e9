// stand.js: what acceptance tests written for node share: broker, tap, platform and mock API around `ptverdict serve`, and TAP lines.
//
//   const { test } = require('./stand');
//   test(async (s, t) => {            // s: the stand; everything ends with the test
//       const w = await s.worker();   // serve with s.config(); s.worker({ args, env, config, file, wait: false })
//       t.is('answered', (await s.call({ value: 'flagged.example' })).pop().payload.results.success, true);
//       t.is('stopped', await w.stop(), 0);
//   });
//
//   s.platform(NAME, value)  s.tap(NAME, value)  s.broker(NAME, value)  s.mock(NAME, value)     ask a control endpoint: see those files
//   s.config({ resilient, ptverdict, app, integrations }, FILE)   lines over the usual ones, null takes one away; writes s.dir/app.config.
//                                                    A worker that runs notices: one with other settings gets a file of its own
//   s.clock() → { env, jump(WALL, MONOTONIC) }: a worker with this env has clocks that are off by so many seconds
//   w.log  w.says(TEXT, ms)  w.up()  w.signal(NAME)  w.ends(ms) → exit code  w.stop() = SIGTERM and ends
//
// With $SOAR_STAND (run.sh) broker, tap and platform are shared; queues never are: s.handle. Without, a test makes its own.
//
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { execFileSync, spawn } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { sleep, until } = require('./control');

const PT = path.resolve(process.env.PTVERDICT || 'build/asan/ptverdict');
const KEY = { id: '11111111-2222-3333-4444-555555555555', secret: 's3cr3t:key' };

class Tap {
    constructor() {
        this.count = 0;
        this.failed = 0;
    }

    line(passed, name, more) {
        process.stdout.write(`${passed ? 'ok' : 'not ok'} ${++this.count} - ${name}\n`);
        if (!passed) {
            this.failed++;
            process.stderr.write([`not ok ${this.count} - ${name}`, ...more.split('\n')].map((l) => `# ${l}\n`).join('')); // prove shows this
        }
    }

    is(name, got, expected) {
        const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
        this.line(a === b, name, `     got: ${a}\nexpected: ${b}`);
    }

    ok(name, value, more) {
        this.line(Boolean(value), name, `got: ${JSON.stringify(value)} ${more || ''}`);
    }

    has(name, text, part) {
        this.line(String(text).includes(part), name, `no "${part}" in:\n${text}`);
    }

    lacks(name, text, part) {
        this.line(!String(text).includes(part), name, `"${part}" in:\n${text}`);
    }
}

/** What stands at a control endpoint; a value makes it a POST. */
async function ask(url, name, value) {
    const answer = await fetch(`${url}/${name}`, value === undefined ? {} : { method: 'POST', body: JSON.stringify(value) });
    const out = await answer.json();
    if (answer.status !== 200)
        throw new Error(`${name}: ${out.error}`);
    return out;
}

const children = new Set();

function startHelper(script, args, out) {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.add(child);
    child.on('exit', () => children.delete(child));
    return new Promise((resolve, reject) => {
        let text = '';
        child.stdout.on('data', (bytes) => {
            text += bytes;
            const ready = /^ready (\S+)/m.exec(text);
            if (ready)
                resolve(Object.assign(out || {}, { url: ready[1], child }));
        });
        child.on('exit', (code) => reject(Object.assign(new Error(`${script} ended with ${code}`), { code })));
    });
}

class Worker {
    constructor(s, { args = [], env = {}, file = 'app.config' }) {
        this.log = '';
        this.child = spawn(PT, ['serve', '-c', `${s.dir}/${file}`, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
        children.add(this.child);
        for (const stream of [this.child.stdout, this.child.stderr])
            stream.on('data', (bytes) => { this.log += bytes; });
        this.code = null;
        this.gone = new Promise((resolve) => this.child.on('close', (code, signal) => {
            children.delete(this.child);
            this.code = signal || code;
            resolve();
        }));
    }

    says(text, ms) {
        return until(() => {
            if (this.code !== null && !this.log.includes(text))
                throw new Error(`the worker ended with ${this.code} and never said "${text}":\n${this.log}`);
            return this.log.includes(text);
        }, ms || 15000, `"${text}" in the log:\n${this.log}`);
    }

    up() {
        return this.says('subscribed to');
    }

    signal(name) {
        this.child.kill(name);
    }

    async ends(ms) {
        await Promise.race([this.gone, sleep(ms || 15000)]);
        return this.code === null ? 'still there' : this.code;
    }

    stop(ms) {
        this.signal('SIGTERM');
        return this.ends(ms);
    }
}

class Stand {
    async start(mockArgs) {
        this.key = KEY;
        this.workers = [];
        this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'soar-'));
        for (const folder of ['rules', 'state', 'logs'])
            fs.mkdirSync(`${this.dir}/${folder}`);
        fs.copyFileSync('rules/10-flagged-tags.lua', `${this.dir}/rules/10-flagged-tags.lua`);
        if (process.env.SOAR_STAND)
            this.join(process.env.SOAR_STAND);
        else
            await this.build();
        this.tapPort = (await ask(this.urls.tap, '')).port;
        const rest = await ask(this.urls.platform, '');
        this.restPort = rest.port;
        await ask(this.urls.platform, 'reset', {});
        await ask(this.urls.tap, 'reset', {});
        this.handle = path.basename(process.argv[1], '.t').replace(/[^a-z0-9]/g, '_');
        await ask(this.urls.platform, 'set', { handle: this.handle });
        this.urls.mock = (await startHelper('tests/lib/mock.js', ['--auth', 'analyst:s3cret-key', ...mockArgs])).url;
        this.config();
    }

    join(folder) {
        const env = Object.fromEntries(fs.readFileSync(`${folder}/env`, 'utf8').trim().split('\n').map((l) => l.split(/=(.*)/s)));
        this.urls = { broker: env.BROKER, tap: env.TAP, platform: env.PLATFORM };
        this.certs = env.CERTS;
        this.brokerTls = env.BROKER_TLS;
    }

    async build() {
        this.certs = `${this.dir}/certs`;
        execFileSync('sh', ['-c', `. tests/lib/mock.sh; make_test_ca ${this.certs}`]);
        const broker = await startHelper('tests/soar/broker.js', ['--dir', `${this.dir}/broker`, '--certs', this.certs]);
        const ports = await ask(broker.url, '');
        this.brokerTls = ports.tls;
        const tap = await startHelper('tests/soar/tap.js', ['--to', ports.stomp, '--certs', this.certs]);
        const platform = await startHelper('tests/soar/platform.js', ['--certs', this.certs, '--broker', ports.stomp]);
        this.urls = { broker: broker.url, tap: tap.url, platform: platform.url };
    }

    platform(name, value) { return ask(this.urls.platform, name, value); }

    tap(name, value) { return ask(this.urls.tap, name, value); }

    broker(name, value) { return ask(this.urls.broker, name, value); }

    mock(name, value) { return ask(this.urls.mock, `_${name}`, value); }

    config(lines = {}, file = 'app.config') {
        const sections = {
            resilient: {
                host: 'localhost', port: this.restPort, org: 'Test Org', api_key_id: KEY.id, api_key_secret: KEY.secret, cafile: `${this.certs}/ca.pem`,
                stomp_host: 'localhost', stomp_port: this.tapPort, logdir: `${this.dir}/logs`, num_workers: 3, ...lines.resilient,
            },
            fn_passivetotal: {
                passivetotal_base_url: this.urls.mock, passivetotal_username: 'analyst', passivetotal_api_key: 's3cret-key',
                passivetotal_tags: 'compromised,ransomware,apt', ...lines.app,
            },
            integrations: { ...lines.integrations },
            ptverdict: {
                rules: `${this.dir}/rules`, state: `${this.dir}/state`, allow_reserved: 'yes', http_listen: 'off', retry_within: 0, ...lines.ptverdict,
            },
        };
        fs.writeFileSync(`${this.dir}/${file}`, Object.entries(sections).map(([name, keys]) => `[${name}]\n` +
            Object.entries(keys).filter(([, v]) => v !== null).map(([k, v]) => `${k}=${v}\n`).join('')).join(''));
    }

    async worker(how = {}) {
        if (how.config)
            this.config(how.config, how.file);
        const w = new Worker(this, how);
        this.workers.push(w);
        if (how.wait !== false)
            await w.up();
        return w;
    }

    clock() {
        const file = `${this.dir}/clock`, library = `${this.dir}/clock.so`;
        execFileSync(process.env.CC || 'cc', ['-O1', '-shared', '-fPIC', '-o', library, 'tests/soar/clock.c']);
        const jump = (wall, monotonic = 0) => { // in place: the worker has mapped it
            fs.writeFileSync(file, Buffer.from(new BigInt64Array([BigInt(wall), BigInt(monotonic)]).buffer), { flag: fs.existsSync(file) ? 'r+' : 'w' });
        };
        jump(0);
        return { jump, env: { CLOCK_FILE: file, LD_PRELOAD: library, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS || ''}:verify_asan_link_order=0` } };
    }

    /** Sends calls and waits for all their complete replies; every reply to them, in order. */
    async call(value, ms) {
        return this.platform('wait', { ...await this.platform('call', value), timeout_ms: ms || 15000 });
    }

    /** Frames that the tap saw: of one direction ("up" from the worker), of one command. */
    frames(dir, command) {
        return this.tap(`log?dir=${dir}${command ? `&command=${command}` : ''}`);
    }

    end() {
        for (const child of children)
            child.kill('SIGKILL');
        fs.rmSync(this.dir, { recursive: true, force: true });
    }
}

async function test(body, mockArgs = []) {
    const s = new Stand(), t = new Tap();
    try {
        await s.start(mockArgs);
        await body(s, t);
    } catch (error) {
        if (error.code === 77) {
            process.stdout.write('1..0 # SKIP Java or ActiveMQ is not there (Debian: activemq, default-jre-headless)\n');
            s.end();
            process.exit(0);
        }
        t.line(false, 'the test comes to its end', [error.stack, ...s.workers.map((w) => w.log.slice(-50000))].join('\n'));
    }
    s.end();
    process.stdout.write(`1..${t.count}\n`);
    process.exit(t.failed ? 1 : 0);
}

module.exports = { test, sleep, until, startHelper, PT, KEY };
