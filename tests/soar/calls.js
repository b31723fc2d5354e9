// calls.js: messages as the platform sends them.
//
// SPDX-License-Identifier: Apache-2.0
'use strict';

const workflow = {
    workflow_id: 11, name: 'WF', programmatic_name: 'wf', object_type: { id: 4, name: 'artifact' }, actions: [], description: null, tags: [],
    uuid: null,
};

function functionCall(name, inputs) {
    return {
        function: {
            id: 7, name, display_name: 'PassiveTotal', creator: null, description: null,
            tags: [{ tag_handle: { id: 9, name, display_name: name }, value: null }], uuid: null, version: null, view_items: [], workflows: [],
        },
        groups: [], inputs, playbook_instance: null,
        principal: { id: 1, name: 'user@example.com', display_name: 'Test User', type: 'user' },
        workflow, workflow_instance: { workflow_instance_id: 54, workflow },
    };
}

function actionCall() {
    return {
        action_id: 3, incident: { id: 2095, name: 'An incident' }, artifact: { id: 12, type: 1, value: 'bad.example' }, properties: {},
        object_type: 4, user: { id: 1, email: 'user@example.com' },
    };
}

const named = (inputs) => ({ body: `{"function": {"name": "fn_passivetotal"}, "inputs": ${inputs}}` });
const quiet = '"passivetotal_artifact_type": "DNS Name", "passivetotal_artifact_value": "quiet.example"';

/** What /call can send that is no good call. */
const POISON = {
    'no JSON': { body: 'not JSON at all' },
    'an empty body': { body: '' },
    'JSON that is no object': { body: '[1, 2]' },
    'JSON cut short': { body: '{"function": {"name": ' },
    'no reply-to': { value: 'a.example', headers: { 'reply-to': null } },
    'no correlation-id': { value: 'a.example', headers: { 'correlation-id': null } },
    'inputs of null': named('null'),
    'inputs that are a list': named('[1]'),
    'names that are no identifiers': named(`{"class": 1, "a b": 2, "": 3, ${quiet}}`),
    'another function': { function: 'fn_other', value: 'a.example' },
    'an action': { action: true },
    'invalid UTF-8': { base64: Buffer.from(named(`{"x": "\xff", ${quiet}}`).body, 'latin1').toString('base64') },
    'a lone surrogate': named(`{"x": "\\ud800", ${quiet}}`),
};

module.exports = { functionCall, actionCall, POISON };
