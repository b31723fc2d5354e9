// engines.js: the three rules of the bench in json-rules-engine or json-logic-js: engines.js NAME RECORDS.
// What an engine cannot work out itself (days ago, counts over rows) is made before it runs, and counted as reading.
// Prints CPU microseconds a verdict, JSON read and record in memory, and matches a rule.
// SPDX-License-Identifier: Apache-2.0
"use strict";
const fs = require("fs");

const DAY = 86400000;
const TAGS = ["compromised", "ransomware"];
const day = (text) => Math.floor(Date.parse(text.replace(" ", "T") + (text.length > 10 && !text.endsWith("Z") ? "Z" : "")) / DAY);

function facts(text) {
    const record = JSON.parse(text);
    const now = day(record.fetched_at);
    let first = Infinity, last = -Infinity, moving = 0;
    for (const row of record.passive_dns.records) {
        const seen = day(row.first_seen);
        first = Math.min(first, seen);
        last = Math.max(last, day(row.last_seen));
        if (row.type === "A" && now - seen <= 7) moving++;
    }
    return {
        tags: record.tags.map((tag) => tag.trim().toLowerCase()), classification: record.classification,
        first_seen_days: now - first, last_seen_days: now - last, count: record.passive_dns.records.length, moving,
    };
}

function rulesEngine() {
    const { Engine } = require("json-rules-engine");
    const engine = new Engine();
    const is = (fact, operator, value) => ({ fact, operator, value });
    const add = (type, conditions) => engine.addRule({ conditions, event: { type } });
    engine.addOperator("hasAny", (have, wanted) => have.some((one) => wanted.includes(one)));
    add("flagged-tags", { all: [is("tags", "hasAny", TAGS)] });
    add("fresh-and-busy", { all: [
        is("first_seen_days", "lessThanInclusive", 30), is("count", "greaterThanInclusive", 10),
        { any: [is("classification", "in", ["malicious", "suspicious"]), is("moving", "greaterThanInclusive", 5)] },
    ] });
    add("critical", { all: [is("classification", "equal", "malicious"), is("last_seen_days", "lessThanInclusive", 7)] });
    add("high", { all: [is("classification", "equal", "malicious")] });
    add("low", { all: [is("classification", "equal", "suspicious")] });
    return async (f) => (await engine.run(f)).events.map((event) => event.type);
}

function logic() {
    const { apply } = require("json-logic-js");
    const v = (name) => ({ var: name });
    const rules = {
        "flagged-tags": { some: [v("tags"), { in: [v(""), TAGS] }] },
        "fresh-and-busy": { and: [
            { "<=": [v("first_seen_days"), 30] }, { ">=": [v("count"), 10] },
            { or: [{ in: [v("classification"), ["malicious", "suspicious"]] }, { ">=": [v("moving"), 5] }] },
        ] },
        critical: { and: [{ "==": [v("classification"), "malicious"] }, { "<=": [v("last_seen_days"), 7] }] },
        high: { "==": [v("classification"), "malicious"] },
        low: { "==": [v("classification"), "suspicious"] },
    };
    const names = Object.keys(rules);
    return (f) => names.filter((name) => apply(rules[name], f));
}

// The first level that holds is the rule's outcome.
function count(matches, events) {
    if (events.includes("flagged-tags")) matches["flagged-tags"]++;
    if (events.includes("fresh-and-busy")) matches["fresh-and-busy"]++;
    if (["critical", "high", "low"].some((level) => events.includes(level))) matches.classification++;
}

async function measure(seconds, inputs, verdict) {
    const used = () => { const u = process.cpuUsage(); return (u.user + u.system) / 1e6; };
    let best = Infinity;
    for (let round = 0; round < 4; round++) { // the first warms up
        const start = used();
        let runs = 0;
        while (used() - start < seconds) for (const input of inputs) { await verdict(input); runs++; }
        if (round) best = Math.min(best, (used() - start) / runs);
    }
    return best * 1e6;
}

async function main(name, path) {
    const judge = name === "json-logic-js" ? logic() : rulesEngine();
    const texts = fs.readFileSync(path, "utf8").trimEnd().split("\n");
    const ready = texts.map(facts);
    const matches = { "flagged-tags": 0, "fresh-and-busy": 0, classification: 0 };
    for (const f of ready) count(matches, await judge(f));
    const judge_us = await measure(0.7, ready, judge);
    const read_us = await measure(0.7, texts, (text) => judge(facts(text)));
    console.log(JSON.stringify({ read_us, judge_us, matches }));
}

main(process.argv[2], process.argv[3]);
