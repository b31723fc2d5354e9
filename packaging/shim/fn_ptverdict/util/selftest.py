"""The self-test of the framework, answered by `ptverdict selftest`.

SPDX-License-Identifier: Apache-2.0
"""
import subprocess

from fn_ptverdict.components.fn_passivetotal import PROGRAM


def selftest_function(opts):  # pylint: disable=unused-argument
    try:
        done = subprocess.run([PROGRAM, "selftest"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        return {"state": "failure", "reason": str(e)}
    said = done.stdout.decode("utf-8", "replace").strip()
    return {"state": "success" if done.returncode == 0 else "failure", "reason": said}
