"""The function fn_passivetotal for customers who must stay inside resilient-circuits: pip uninstall fn_passivetotal, then
pip install packaging/shim. The work is done by the program ptverdict of the same machine; docs/soar-move.md says when to choose this.

SPDX-License-Identifier: Apache-2.0
"""
from setuptools import setup

setup(
    name="fn_ptverdict",
    version="1.1.0",
    description="Answers fn_passivetotal by running ptverdict call",
    license="Apache-2.0",
    packages=["fn_ptverdict", "fn_ptverdict.components", "fn_ptverdict.util"],
    install_requires=["resilient-circuits>=43.0.0"],
    python_requires=">=3.6",
    entry_points={
        "resilient.circuits.components": ["FnPtverdict = fn_ptverdict.components.fn_passivetotal:FunctionComponent"],
        "resilient.circuits.selftest": ["selftest = fn_ptverdict.util.selftest:selftest_function"],
    },
)
