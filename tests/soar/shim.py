#!/usr/bin/env python3
"""The shim for resilient-circuits, with a stub of the five names it uses. See shim.t.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import json
import os
import sys
import tempfile
import types

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHIM = os.path.join(ROOT, "packaging", "shim")
sys.path[:0] = [os.path.join(ROOT, "tests", "dropin"), SHIM]
import run as dropin  # noqa: E402
from run import same  # noqa: E402


def stub():
    """What resilient_circuits 51 gives a function: the names and signatures that its own templates use."""
    module = types.ModuleType("resilient_circuits")

    class AppFunctionComponent:
        def __init__(self, opts, package_name, required_app_configs=()):
            self.options = opts.get(package_name, {})
            for name in required_app_configs:
                if not self.options.get(name):
                    raise ValueError(name)

        @staticmethod
        def status_message(message):
            return "status", message

    class FunctionResult:
        def __init__(self, value, success=True, reason=None, custom_results=False):
            self.value, self.success, self.reason, self.custom_results = value, success, reason, custom_results

    def app_function(name):
        def mark(method):
            method.function_name = name
            return method
        return mark

    module.AppFunctionComponent, module.FunctionResult, module.app_function = AppFunctionComponent, FunctionResult, app_function
    return module


sys.modules["resilient_circuits"] = stub()
from fn_ptverdict.components import fn_passivetotal as shim  # noqa: E402
from fn_ptverdict.util import selftest  # noqa: E402


def run_function(inputs):
    component = shim.FunctionComponent({"fn_passivetotal": {}})
    same("function", component._app_function.function_name, "fn_passivetotal")
    return list(component._app_function(collections.namedtuple("fn_inputs", inputs)(**inputs)))


def fails(program, inputs):
    shim.PROGRAM = program
    try:
        run_function(inputs)
    except RuntimeError as e:
        return str(e)
    raise AssertionError("%s: no error" % program)


def main(args):
    tap, mock = dropin.Tap(), args[1]
    program = os.path.abspath(args[3])
    with open(os.path.join(ROOT, "tests", "dropin", "cases.json"), encoding="utf-8") as f:
        case = json.load(f)[0]
    inputs = dropin.inputs_of(case)
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "app.config")
        with open(config, "w", encoding="utf-8") as f:
            f.write("[fn_passivetotal]\n" + "".join("%s=%s\n" % item for item in dropin.settings_of(case, mock).items()))
            f.write("[ptverdict]\nallow_reserved=yes\nrules=%s\n" % os.path.join(ROOT, "rules"))
        os.environ["APP_CONFIG_FILE"] = config
        dropin.play(case, mock)

        def hit():
            shim.PROGRAM = program
            first, second, result = run_function(inputs)
            same("status", [first, second], [("status", "Starting App Function: 'fn_passivetotal'"),
                                             ("status", "Finished running App Function: 'fn_passivetotal'")])
            same("custom result", result.custom_results, True)
            same("keys", list(result.value), dropin.PAYLOAD)
            same("verdict", result.value["decision"]["verdict"], "compromised")

        def refused():
            shim.PROGRAM = program
            *_, result = run_function({"passivetotal_artifact_type": "DNS Name"})
            same("success", result.value["success"], False)

        def missing():
            text = fails(os.path.join(folder, "nothing"), inputs)
            same("says what to set", "PTVERDICT_PROGRAM" in text, True)

        def failing():
            with open(config, "a", encoding="utf-8") as f:
                f.write("no_such_setting=1\n")
            text = fails(program, inputs)
            same("says why", "exit code 78" in text and "no_such_setting" in text, True)
            same("no secret", dropin.SECRETS[1] in text, False)

        def test_of_itself():
            selftest.PROGRAM = program
            answer = selftest.selftest_function({})
            same("state", answer["state"], "failure")
            same("reason", "no_such_setting" in answer["reason"], True)

        print("1..5")
        tap.ok("a hit reaches the framework whole", hit)
        tap.ok("a refused input is a result, not an error", refused)
        tap.ok("a program that is not there: the error says what to set", missing)
        tap.ok("a program that fails: the error says why, without secrets", failing)
        tap.ok("the framework's self-test is ours", test_of_itself)
    return 1 if tap.failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
