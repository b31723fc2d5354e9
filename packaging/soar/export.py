#!/usr/bin/env python3
"""Make our export.res, the file that brings function, rule and workflow to a SOAR platform.

    packaging/soar/export.py fresh >export.res      for a platform without fn_passivetotal: function, inputs, message destination,
                                                    rule and workflow, all with the names they have in fn_passivetotal 1.0.0
    packaging/soar/export.py add >export.res        beside fn_passivetotal: one workflow more, nothing is overwritten

    --function-uuid UUID    add: the platform's own uuid of the function, where it is not that of the published app

What the platform wants of such a file is told in docs/soar-move.md. The output is the same on every run.
Python 3, standard library only.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import hashlib
import json
import os
import sys
import uuid
from xml.sax.saxutils import escape, quoteattr

HERE = os.path.dirname(os.path.abspath(__file__))
APP = "fn_passivetotal"
MADE_MS = 1767225600000  # 2026-01-01: a date that does not change with the build
SERVER = {"major": 43, "minor": 1, "build_number": 49, "version": "43.1.49"}
# What the published app calls its function and inputs. Workflows name a function by this, so the same function keeps it.
FUNCTION_UUID = "490b5e45-2e1f-4909-b905-a009e9a7255b"
INPUTS = {
    "passivetotal_artifact_value": "09c83183-5a5c-4abb-9f69-5a288da7490a",
    "passivetotal_artifact_type": "30dee09c-2dac-4dd3-accf-6e07266c1a44",
}
DESTINATION_UUID = "31c7de9b-5d7f-4660-bd17-07d5bb879fd8"
# The platform refuses a file without one incident type and one incident field. Every package brings these two.
INTERNAL_TYPE_UUID = "bfeec2d4-3770-11e8-ad39-4a0004044aa0"
INTERNAL_FIELD_UUID = "bfeec2d4-3770-11e8-ad39-4a0004044aa1"

LISTS = ("action_order", "actions", "apps", "automatic_tasks", "fields", "functions", "inbound_destinations",
         "incident_artifact_types", "incident_types", "layouts", "message_destinations", "phases", "roles", "scripts", "tags",
         "task_order", "types", "workflows", "workspaces")
NOTHING = ("export_type", "geos", "groups", "inbound_mailboxes", "industries", "locale", "notifications", "overrides",
           "playbooks", "regulators", "timeframes")
SOMEBODY = {"id": 1, "type": "user", "name": "ptverdict@example.com", "display_name": "ptverdict"}


def uuid_of(text):
    return str(uuid.UUID(hashlib.md5(text.encode()).hexdigest()))


def tags():
    return [{"tag_handle": APP, "value": None}]


def script(name):
    with open(os.path.join(HERE, "scripts", name + ".py"), encoding="utf-8") as f:
        return f.read().strip()


def input_field(name, its_uuid, number):
    return {
        "id": number, "name": name, "text": name, "export_key": "__function/" + name, "uuid": its_uuid, "type_id": 11,
        "input_type": "text", "required": "always", "placeholder": "", "tooltip": "", "prefix": None, "tags": tags(),
        "internal": False, "read_only": False, "changeable": True, "calculated": False, "deprecated": False, "chosen": False,
        "blank_option": False, "rich_text": False, "is_tracked": False, "hide_notification": False,
        "allow_default_value": False, "default_chosen_by_server": False,
        "operation_perms": {}, "operations": [], "templates": [], "values": [],
    }


def internal_field():
    return {"id": 0, "type_id": 0, "name": "internal_customizations_field", "text": "Customizations Field (internal)",
            "export_key": "incident/internal_customizations_field", "uuid": INTERNAL_FIELD_UUID, "input_type": "text",
            "internal": True, "read_only": True}


def internal_type():
    name = "Customization Packages (internal)"
    return {"id": 0, "name": name, "description": name, "export_key": name, "uuid": INTERNAL_TYPE_UUID, "parent_id": None,
            "enabled": False, "hidden": False, "system": False, "create_date": MADE_MS, "update_date": MADE_MS}


def result_example():
    return {
        "version": 2.0, "success": True, "reason": None,
        "content": {
            "pager": None, "queryValue": "evil.example", "queryType": "domain", "firstSeen": "2026-04-20 10:00:00",
            "lastSeen": "2026-04-28 21:40:00", "totalRecords": 3, "results": [], "classification": "malicious",
            "primaryDomain": "evil.example", "success": True, "subdomains": ["www", "mail"],
            "tags_hits_str": "Ransomware, apt32", "report_url": "https://community.riskiq.com/search/evil.example"},
        "raw": None,
        "inputs": {"passivetotal_artifact_type": "DNS Name", "passivetotal_artifact_value": "evil.example"},
        "metrics": {"version": "1.0", "package": "fn-passivetotal", "package_version": "1.0.0", "host": "soar-apps-1",
                    "execution_time_ms": 210, "timestamp": "2026-05-01 12:00:00"},
        "decision": {"schema": "ptverdict.decision/1", "decision_id": "abc82c34d94ac9a2ecd8baafeb9471ff",
                     "verdict": "compromised", "complete": True, "severity": "high"},
        "hit": [{"name": "Number of Passive DNS Records", "type": "number", "value": "3"},
                {"name": "Tags", "type": "string", "value": "Ransomware, apt32"},
                {"name": "Rules", "type": "string", "value": "flagged-tags"}],
        "note": "evil.example carries ransomware in PassiveTotal.",
    }


def result_schema():
    text, anything = {"type": "string"}, {}
    return {
        "$schema": "http://json-schema.org/draft-06/schema", "type": "object",
        "required": ["version", "success", "reason", "content", "raw", "inputs", "metrics"],
        "properties": {
            "version": {"type": "number"}, "success": {"type": "boolean"}, "reason": {"type": ["string", "null"]},
            "content": {"type": ["object", "array"], "properties": {
                "pager": anything, "queryValue": anything, "queryType": anything, "firstSeen": anything, "lastSeen": anything,
                "totalRecords": anything, "results": anything, "classification": anything, "primaryDomain": anything,
                "success": anything, "subdomains": anything, "tags_hits_str": anything, "report_url": text}},
            "raw": anything, "inputs": {"type": "object"},
            "metrics": {"type": "object",
                        "required": ["version", "package", "package_version", "host", "execution_time_ms", "timestamp"],
                        "properties": {"version": text, "package": text, "package_version": text, "host": text,
                                       "execution_time_ms": {"type": "integer"}, "timestamp": text}},
            "decision": {"type": ["object", "null"]},
            "hit": {"type": "array", "items": {"type": "object", "required": ["name", "type", "value"],
                                               "properties": {"name": text, "type": text, "value": text}}},
            "note": {"type": ["string", "null"]}}}


def function(workflow):
    return {
        "id": 1, "name": APP, "export_key": APP, "display_name": "PassiveTotal", "uuid": FUNCTION_UUID, "version": 1,
        "destination_handle": "passivetotal", "tags": tags(),
        "description": {"format": "text", "content": "Judges a DNS name or an IP address by your own rules over what RiskIQ "
                        "PassiveTotal knows about it: compromised, no match, unknown, with the reason."},
        "view_items": [{"element": "field_uuid", "field_type": "__function", "content": its_uuid, "show_if": None,
                        "show_link_header": False, "step_label": None} for its_uuid in INPUTS.values()],
        "workflows": [{"workflow_id": workflow["workflow_id"], "name": workflow["name"], "uuid": None, "actions": [],
                       "programmatic_name": workflow["programmatic_name"], "object_type": "artifact", "description": None,
                       "tags": tags()}],
        "output_json_example": json.dumps(result_example()), "output_json_schema": json.dumps(result_schema()),
        "creator": SOMEBODY, "last_modified_by": SOMEBODY, "created_date": MADE_MS, "last_modified_time": MADE_MS,
    }


def destination():
    return {"programmatic_name": "passivetotal", "export_key": "passivetotal", "name": "PassiveTotal", "destination_type": 0,
            "expect_ack": True, "users": [], "api_keys": [], "uuid": DESTINATION_UUID, "tags": tags()}


def rule(workflow):
    name = "RiskIQ PassiveTotal Query"
    return {"id": 1, "name": name, "export_key": name, "type": 0, "object_type": "artifact", "enabled": True,
            "logic_type": "all", "timeout_seconds": 86400, "uuid": uuid_of("ptverdict rule " + name), "tags": tags(),
            "conditions": [{"field_name": "artifact.type", "method": "in", "value": ["IP Address", "DNS Name"], "type": None,
                            "evaluation_id": None}],
            "workflows": [workflow["programmatic_name"]], "message_destinations": [], "automations": [], "view_items": []}


BPMN = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" \
xmlns:omgdc="http://www.omg.org/spec/DD/20100524/DC" xmlns:omgdi="http://www.omg.org/spec/DD/20100524/DI" \
xmlns:resilient="http://resilient.ibm.com/bpmn" xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" targetNamespace="http://www.camunda.org/test">\
<process id={name} isExecutable="true" name={title}>\
<documentation>{about}</documentation>\
<startEvent id="StartEvent_1"><outgoing>SequenceFlow_1</outgoing></startEvent>\
<sequenceFlow id="SequenceFlow_1" sourceRef="StartEvent_1" targetRef="ServiceTask_1"/>\
<serviceTask id="ServiceTask_1" name="PassiveTotal" resilient:type="function">\
<extensionElements><resilient:function uuid={function}>{call}</resilient:function></extensionElements>\
<incoming>SequenceFlow_1</incoming><outgoing>SequenceFlow_2</outgoing></serviceTask>\
<sequenceFlow id="SequenceFlow_2" sourceRef="ServiceTask_1" targetRef="EndEvent_1"/>\
<endEvent id="EndEvent_1"><incoming>SequenceFlow_2</incoming></endEvent></process>\
<bpmndi:BPMNDiagram id="BPMNDiagram_1"><bpmndi:BPMNPlane bpmnElement={name} id="BPMNPlane_1">\
{shapes}</bpmndi:BPMNPlane></bpmndi:BPMNDiagram></definitions>"""


def shape(element, x, y, width, height):
    return ('<bpmndi:BPMNShape bpmnElement="%s" id="%s_di"><omgdc:Bounds height="%d" width="%d" x="%d" y="%d"/>'
            '</bpmndi:BPMNShape>' % (element, element, height, width, x, y))


def edge(element, from_x, to_x, y):
    point = '<omgdi:waypoint x="%d" xsi:type="omgdc:Point" y="%d"/>'
    return ('<bpmndi:BPMNEdge bpmnElement="%s" id="%s_di">%s%s</bpmndi:BPMNEdge>'
            % (element, element, point % (from_x, y), point % (to_x, y)))


def workflow_of(name, title, about, post, function_uuid):
    call = {"inputs": {}, "pre_processing_script": script("pre"), "pre_processing_script_language": "python3",
            "post_processing_script": script(post), "post_processing_script_language": "python3"}
    shapes = (shape("StartEvent_1", 162, 188, 36, 36) + shape("ServiceTask_1", 294, 166, 100, 80) +
              shape("EndEvent_1", 503, 188, 36, 36) + edge("SequenceFlow_1", 198, 294, 206) + edge("SequenceFlow_2", 394, 503, 206))
    xml = BPMN.format(name=quoteattr(name), title=quoteattr(title), about=escape(about), function=quoteattr(function_uuid),
                      call=escape(json.dumps(call)), shapes=shapes)
    return {"workflow_id": 1, "name": title, "programmatic_name": name, "export_key": name, "object_type": "artifact",
            "description": about, "uuid": uuid_of("ptverdict workflow " + name), "tags": tags(), "actions": [],
            "content": {"workflow_id": name, "version": 1, "xml": xml}, "content_version": 1,
            "creator_id": SOMEBODY["name"], "last_modified_by": SOMEBODY["name"], "last_modified_time": MADE_MS}


def export(**objects):
    result = dict.fromkeys(NOTHING)
    result.update({name: [] for name in LISTS})
    result.update({"export_date": MADE_MS, "export_format_version": 2, "id": 1, "server_version": dict(SERVER),
                   "incident_types": [internal_type()]})
    result.update(objects)
    result["fields"] = result["fields"] + [internal_field()]
    return result


def fresh():
    workflow = workflow_of("passivetotal_site_lookup", "PassiveTotal Site Lookup",
                           "Judges a DNS name or an IP address. One that is compromised by your definition gets a hit.",
                           "post_fresh", FUNCTION_UUID)
    return export(functions=[function(workflow)], message_destinations=[destination()], workflows=[workflow],
                  actions=[rule(workflow)],
                  fields=[input_field(name, its_uuid, i + 1) for i, (name, its_uuid) in enumerate(INPUTS.items())])


def add(function_uuid=FUNCTION_UUID):
    return export(workflows=[workflow_of(
        "ptverdict_site_verdict", "ptverdict: site verdict",
        "Judges a DNS name or an IP address: the hit says the verdict, the note why, an artifact that could not be judged says so.",
        "post_add", function_uuid)])


def as_text(made):
    return json.dumps(made, indent=2, sort_keys=True) + "\n"


def main(args):
    parser = argparse.ArgumentParser(description="Make our export.res on standard output.")
    parser.add_argument("kind", choices=["fresh", "add"])
    parser.add_argument("--function-uuid", default=FUNCTION_UUID, type=lambda text: str(uuid.UUID(text)))
    given = parser.parse_args(args)
    if given.kind == "fresh" and given.function_uuid != FUNCTION_UUID:
        parser.error("--function-uuid is for add: fresh brings the function itself")
    sys.stdout.write(as_text(fresh() if given.kind == "fresh" else add(given.function_uuid)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
