"""The one thing that pyproject.toml can't say: the compiled batch module, which is left out where it can't be built."""

import sysconfig

from setuptools import Extension, setup

# One build for every version of Python from 3.11 on; a free-threaded one has no such form.
STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    ext_modules=[
        Extension(
            "acmedns_py.worker._batch",
            ["acmedns_py/worker/_batch.c"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE else [],
            py_limited_api=STABLE,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
