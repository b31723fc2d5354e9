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

module.exports = { functionCall, actionCall };
