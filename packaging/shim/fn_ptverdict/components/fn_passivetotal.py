"""fn_passivetotal, answered by `ptverdict call`: inputs as JSON to its standard input, the finished result from its output.

SPDX-License-Identifier: Apache-2.0"""
import json
import os
import subprocess

from resilient_circuits import AppFunctionComponent, FunctionResult, app_function

FN_NAME = "fn_passivetotal"  # the section of app.config too, so that nothing has to be written anew
PROGRAM = os.environ.get("PTVERDICT_PROGRAM", "ptverdict")
LONGEST_S = 300  # more than the setting `deadline` of ptverdict


def run(inputs):
    """The function result for these inputs. Raises RuntimeError with what ptverdict said, which ends in the analyst's view."""
    try:
        done = subprocess.run([PROGRAM, "call"], input=json.dumps(inputs).encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=LONGEST_S, check=False)
    except OSError as e:
        raise RuntimeError("ptverdict cannot be run: {}; set PTVERDICT_PROGRAM to its path".format(e)) from e
    except subprocess.TimeoutExpired as e:
        raise RuntimeError("ptverdict took longer than {} s".format(LONGEST_S)) from e
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise RuntimeError("ptverdict failed (exit code {}): {}".format(done.returncode, said[-1000:]))
    return json.loads(done.stdout.decode("utf-8"))


class FunctionComponent(AppFunctionComponent):
    def __init__(self, opts):
        super().__init__(opts, FN_NAME)

    @app_function(FN_NAME)
    def _app_function(self, fn_inputs):
        yield self.status_message("Starting App Function: '{}'".format(FN_NAME))
        result = run(fn_inputs._asdict())
        yield self.status_message("Finished running App Function: '{}'".format(FN_NAME))
        # Already a whole result, decision, hit and note included: the framework's own wrapping would lose these.
        yield FunctionResult(result, custom_results=True)
