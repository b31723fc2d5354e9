#!/usr/bin/env node
// broker.js: a real ActiveMQ (Debian packages activemq and a Java runtime) on free loopback ports, for tests.
//
//   node tests/soar/broker.js --dir DIR --certs CERTS [--cert server]
//
// DIR keeps its files and store, CERTS holds NAME.pem and NAME.key (make_test_ca of tests/lib/mock.sh). Exit 77 when Java or ActiveMQ
// is missing. Control (see control.js):
//   GET  /        { stomp, tls, pid, running }: ports without and with TLS
//   POST /kill    SIGKILL;   POST /stop  SIGTERM, waits;   POST /start  again, on the same ports and store, waits until it answers
//   POST /freeze  SIGSTOP;   POST /thaw  SIGCONT
//
// The port without TLS, for the platform, sends at once; the one with TLS holds small writes back, as ActiveMQ does by itself.
// Users: app/secret, 11111111-2222-3333-4444-555555555555/s3cr3t:key, worker@example.com/pass word: queues actions.201.>,
// actions.202.>, acks.> and test.>; platform/manager: all queues; noread/secret: none.
//
// SPDX-License-Identifier: Apache-2.0
'use strict';
const { execFileSync, spawn } = require('child_process');
const fs = require('fs');
const net = require('net');
const path = require('path');
const { readOptions, serve, sleep, until } = require('./control');
const { frame } = require('./stomp');

const HOME = '/usr/share/activemq';
const options = readOptions({ dir: null, certs: null, cert: 'server' });
const dir = path.resolve(options.dir);

const XML = (stomp, tls) => `<beans xmlns="http://www.springframework.org/schema/beans"
  xmlns:amq="http://activemq.apache.org/schema/core" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans.xsd
    http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
 <broker xmlns="http://activemq.apache.org/schema/core" brokerName="test" useJmx="false" persistent="true" dataDirectory="${dir}/data">
  <persistenceAdapter><kahaDB directory="${dir}/data/kahadb" journalMaxFileLength="4mb"/></persistenceAdapter>
  <plugins>
   <simpleAuthenticationPlugin anonymousAccessAllowed="false"><users>
    <authenticationUser username="app" password="secret" groups="workers"/>
    <authenticationUser username="11111111-2222-3333-4444-555555555555" password="s3cr3t:key" groups="workers"/>
    <authenticationUser username="worker@example.com" password="pass word" groups="workers"/>
    <authenticationUser username="noread" password="secret" groups="nobody"/>
    <authenticationUser username="platform" password="manager" groups="platform"/>
   </users></simpleAuthenticationPlugin>
   <authorizationPlugin><map><authorizationMap><authorizationEntries>
    <authorizationEntry queue=">" read="platform" write="platform" admin="platform"/>
    <authorizationEntry queue="actions.201.>" read="workers" write="workers" admin="workers"/>
    <authorizationEntry queue="actions.202.>" read="workers" write="workers" admin="workers"/>
    <authorizationEntry queue="acks.>" read="workers" write="workers" admin="workers"/>
    <authorizationEntry queue="test.>" read="workers" write="workers" admin="workers"/>
    <authorizationEntry topic="ActiveMQ.Advisory.>" read="platform,workers,nobody" write="platform,workers,nobody" admin="platform,workers,nobody"/>
   </authorizationEntries></authorizationMap></map></authorizationPlugin>
  </plugins>
  <sslContext><sslContext keyStore="file:${dir}/broker.p12" keyStoreType="PKCS12" keyStorePassword="changeit"/></sslContext>
  <systemUsage><systemUsage>
   <memoryUsage><memoryUsage limit="128 mb"/></memoryUsage>
   <storeUsage><storeUsage limit="1 gb"/></storeUsage>
   <tempUsage><tempUsage limit="64 mb"/></tempUsage>
  </systemUsage></systemUsage>
  <transportConnectors>
   <transportConnector name="stomp" uri="stomp://127.0.0.1:${stomp}?transport.tcpNoDelay=true"/>
   <transportConnector name="stomp+ssl" uri="stomp+ssl://127.0.0.1:${tls}?transport.enabledProtocols=TLSv1.2,TLSv1.3"/>
  </transportConnectors>
 </broker>
</beans>
`;

let child = null, ports = null, log = '';

const freePort = () => new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        server.close(() => resolve(port));
    });
});

/** Does a broker of ours answer? An open port alone may be anybody's. */
const answers = () => new Promise((resolve) => {
    const socket = net.connect(ports.stomp, '127.0.0.1', () => socket.write(frame('CONNECT', {
        'accept-version': '1.2', host: 'localhost', login: 'app', passcode: 'secret',
    })));
    const end = (value) => {
        socket.destroy();
        resolve(value);
    };
    socket.setTimeout(3000, () => end(false));
    socket.on('data', (bytes) => end(bytes.toString().startsWith('CONNECTED')));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
});

function prepare() {
    fs.mkdirSync(`${dir}/data`, { recursive: true });
    execFileSync('openssl', ['pkcs12', '-export', '-in', `${options.certs}/${options.cert}.pem`, '-inkey', `${options.certs}/${options.cert}.key`,
        '-out', `${dir}/broker.p12`, '-passout', 'pass:changeit', '-name', 'broker']);
    fs.writeFileSync(`${dir}/log4j.properties`, 'log4j.rootLogger=WARN, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n' +
        'log4j.appender.out.layout=org.apache.log4j.PatternLayout\nlog4j.appender.out.layout.ConversionPattern=%p %m%n\n');
    fs.writeFileSync(`${dir}/broker.xml`, XML(ports.stomp, ports.tls));
}

async function start() {
    if (child)
        throw new Error('it runs already');
    const lib = `${HOME}/lib`;
    // setpriv: should this process be killed, the broker goes with it.
    const self = child = spawn('setpriv', ['--pdeathsig', 'KILL', 'java', '-Xms64m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Djava.io.tmpdir=${dir}/data`,
        `-Dactivemq.home=${HOME}`, `-Dactivemq.base=${dir}`, `-Dactivemq.conf=${dir}`, `-Dactivemq.data=${dir}/data`,
        '-cp', `${dir}:${lib}/*:${lib}/optional/*`, 'org.apache.activemq.console.Main', 'start', `xbean:file:${dir}/broker.xml`],
    { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const out of [self.stdout, self.stderr])
        out.on('data', (text) => { log = (log + text).slice(-20000); });
    self.on('exit', () => {
        if (child === self)
            child = null;
    });
    await until(async () => {
        if (child !== self)
            throw new Error(`the broker ended: ${log}`);
        return answers();
    }, 60000, `the broker (${log})`);
}

async function end(signal, ms) {
    const self = child;
    if (!self)
        return;
    const gone = new Promise((resolve) => self.on('exit', resolve));
    self.kill('SIGCONT');
    self.kill(signal);
    await Promise.race([gone, sleep(ms)]);
    if (child === self) {
        self.kill('SIGKILL');
        await gone;
    }
}

async function main() {
    try {
        execFileSync('java', ['-version'], { stdio: 'ignore' });
        fs.accessSync(`${HOME}/lib/activemq-stomp.jar`);
    } catch (error) {
        process.stderr.write('broker: Java or ActiveMQ is missing (Debian: activemq, default-jre-headless)\n');
        process.exit(77);
    }
    ports = { stomp: await freePort(), tls: await freePort() };
    prepare();
    await start();
    serve({
        '': () => ({ ...ports, running: child !== null, pid: child ? child.pid : 0 }),
        kill: () => end('SIGKILL', 5000),
        stop: () => end('SIGTERM', 15000),
        start,
        freeze: () => child.kill('SIGSTOP'),
        thaw: () => child.kill('SIGCONT'),
        log: () => ({ log }),
    }, () => child && child.kill('SIGKILL'));
}

main().catch((error) => {
    process.stderr.write(`broker: ${error.message}\n`);
    if (child)
        child.kill('SIGKILL');
    process.exit(1);
});
