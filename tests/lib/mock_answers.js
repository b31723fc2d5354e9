// mock_answers.js: what the mock knows: answers from --data files, and answers made up from the name alone.
//
// A data file is one JSON object: { "a.example": { "tags": ..., "passive_dns": ..., ... }, "*": {...} }. A value is the
// answer's body; an array under "tags" or "subdomains" and a text under "classification" are short for the usual body.
// { "$status": 503, "$headers": {...}, "$body": ... } answers otherwise, { "$fault": "truncate" } is a fault of
// mock_faults.js. "*" answers for every name that has no such section of its own; the account is asked without a name, so
// "" holds it.
//
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('fs');
const path = require('path');

const PATHS = {
    '/v2/account': 'account',
    '/v2/actions/tags': 'tags',
    '/v2/actions/classification': 'classification',
    '/v2/dns/passive': 'passive_dns',
    '/v2/enrichment/subdomains': 'subdomains',
};
const CACHE_LIMIT = 20000;

function hash(text) { // FNV-1a
    let h = 0x811c9dc5;
    for (let i = 0; i < text.length; i++)
        h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    return h >>> 0;
}

const isAddress = (query) => /^[0-9.]+$/.test(query) || query.includes(':');
const time = (ms) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

function passiveDns(query, h, records) {
    const first = Date.UTC(2014, 0, 1) + (h % 3000) * 86400e3;
    const results = [];
    for (let i = 0; i < records; i++) {
        const seen = first + i * 86400e3;
        results.push({
            firstSeen: time(seen), lastSeen: time(seen + 30 * 86400e3), source: ['riskiq'], value: query,
            collected: time(seen + 31 * 86400e3), recordType: 'A',
            resolve: `192.0.${(h >>> 8) & 255}.${(h + i) & 255}`, resolveType: 'ip',
            recordHash: hash(query + i).toString(16).padStart(8, '0').repeat(8),
        });
    }
    return {
        pager: null, queryValue: query, queryType: isAddress(query) ? 'ip' : 'domain',
        firstSeen: records ? results[0].firstSeen : null,
        lastSeen: records ? results[records - 1].lastSeen : null,
        totalRecords: records, results,
    };
}

const TAGS = [null, [], ['registered'], ['cdn', 'hosting'], ['parked']];
const CLASSES = ['', 'non-malicious', 'unknown', ''];
const SUBDOMAINS = ['www', 'mail', 'api', 'cdn', 'dev', 'm', 'shop', 'blog', 'vpn', 'ns1', 'ns2', 'test'];

function generate(section, query, records) {
    const h = hash(query);
    switch (section) {
    case 'account':
        return {
            username: 'analyst@example.org', firstName: 'Ana', lastName: 'Lyst', organization: 'example_org',
            accountStatus: 'enterprise', searchApiQuotaExceeded: false, searchWebQuotaExceeded: false,
        };
    case 'tags':
        return { tags: query.includes('flagged') ? ['Compromised', 'apt'] : TAGS[h % TAGS.length] };
    case 'classification':
        return { classification: query.includes('suspicious') ? 'suspicious' :
            query.includes('flagged') || query.includes('malicious') ? 'malicious' : CLASSES[h % CLASSES.length] };
    case 'passive_dns':
        return passiveDns(query, h, records === undefined ? 1 + h % 12 : records);
    default:
        return {
            queryValue: query, success: true, primaryDomain: isAddress(query) ? query + '.null' : query,
            subdomains: isAddress(query) ? [] : SUBDOMAINS.slice(0, h % (SUBDOMAINS.length + 1)),
        };
    }
}

function body(section, query, value) {
    if (section === 'tags' && (Array.isArray(value) || value === null))
        return { tags: value };
    if (section === 'classification' && (typeof value === 'string' || value === null))
        return { classification: value };
    if (section === 'subdomains' && (Array.isArray(value) || value === null))
        return { queryValue: query, success: true, primaryDomain: query, subdomains: value };
    return value;
}

// An answer is ready to send: { status, headers: [name, value, ...], body: Buffer }, or { fault }.
function answer(status, headers, bytes) {
    const list = [];
    for (const name of Object.keys(headers))
        list.push(name, String(headers[name]));
    if (status !== 204 && status !== 304)
        list.push('Content-Length', String(bytes.length));
    return { status, headers: list, body: bytes };
}
const JSON_TYPE = { 'Content-Type': 'application/json' };

function bytesOf(value) {
    if (Buffer.isBuffer(value))
        return value;
    return value === undefined ? Buffer.alloc(0) : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

class Answers {
    constructor(place, records) {
        this.data = {};
        this.records = records;
        this.cache = new Map();
        if (place)
            this.load(place);
    }

    load(place) {
        const files = fs.statSync(place).isDirectory() ?
            fs.readdirSync(place).filter((f) => f.endsWith('.json')).sort().map((f) => path.join(place, f)) : [place];
        for (const file of files) {
            const tree = JSON.parse(fs.readFileSync(file, 'utf8'));
            for (const query of Object.keys(tree))
                this.data[query] = Object.assign(this.data[query] || {}, tree[query]);
        }
    }

    get(section, query) {
        const key = section + ' ' + query;
        let a = this.cache.get(key);
        if (a)
            return a;
        a = this.make(section, query);
        if (this.cache.size >= CACHE_LIMIT)
            this.cache.clear();
        this.cache.set(key, a);
        return a;
    }

    make(section, query) {
        for (const entry of [this.data[query], this.data['*']]) {
            if (!entry || !Object.prototype.hasOwnProperty.call(entry, section))
                continue;
            const value = entry[section];
            if (value && value.$fault)
                return { fault: value.$fault };
            if (value && value.$status)
                return answer(value.$status, Object.assign({}, JSON_TYPE, value.$headers), bytesOf(value.$body));
            return answer(200, JSON_TYPE, bytesOf(body(section, query, value)));
        }
        return answer(200, JSON_TYPE, bytesOf(generate(section, query, this.records)));
    }
}

module.exports = { Answers, PATHS, answer, bytesOf, JSON_TYPE };
