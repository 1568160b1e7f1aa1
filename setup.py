"""Says that Python is too old before pip looks for packages, and compiles the C library; the rest is in pyproject.toml.

pip weighs `requires-python` together with all other packages, so an old Python was told of some package it has never
heard of, after minutes. Written so that every Python back to 2.7 can read it, up to there.

A wheel holds the library for one platform and belongs to no release of Python. `--plat-name` names another platform
than this machine's, in the words of a wheel's name (tinylm/native/targets.py):

    python -m build --wheel -C--build-option=--plat-name=musllinux_1_2_aarch64

Where no library can be made the wheel is one for every platform, and its models run by ONNX Runtime.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.stderr.write(
        "error: this is Python %d.%d; tinylm needs Python 3.11 or newer\n\n"  # noqa: UP031
        "hint: make the virtual environment with a newer one: python3.11 -m venv .venv\n" % sys.version_info[:2]
    )
    sys.exit(2)

import shutil
from pathlib import Path

from setuptools import Command, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build import build
from setuptools.errors import OptionError

GLIBC_ONLY = ("onnxruntime", "sentencepiece")  # no wheels for musl, of which no marker in pyproject.toml can tell
ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))  # pip builds in an environment where tinylm is not yet
from tinylm.base.errors import show_error
from tinylm.native import build as native
from tinylm.native.targets import ARCHITECTURES, TARGETS, host_target, target_of_wheel


class BuildNative(Command):
    """The library, and those programs for boards that `python -m tinylm.native.build program` has made before."""

    description = "compile the C library"
    user_options = []

    def initialize_options(self):
        self.editable_mode = False
        self.build_lib = None
        self.target = host_target()
        self.made = False

    def finalize_options(self):
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self):
        if self.editable_mode:
            self.compile(native.LIBRARY)
            return
        folder = Path(self.build_lib, native.NATIVE.relative_to(ROOT))
        shutil.rmtree(folder / native.LIBRARY.parent.name, ignore_errors=True)  # another platform's
        self.compile(folder / native.LIBRARY.relative_to(native.NATIVE))
        for product in map(native.program, ARCHITECTURES):
            if native.is_current(product):
                copy = folder / product.output.relative_to(native.NATIVE)
                copy.parent.mkdir(exist_ok=True)
                shutil.copy2(product.output, copy)
                shutil.copy2(native.stamp(product.output), native.stamp(copy))

    def compile(self, output):
        if self.target is None:
            return
        try:
            native.build(native.library(self.target, output))
            self.made = True
        except native.BuildError as error:
            show_error(error)
            sys.stderr.write("warning: tinylm is installed without its C library: models run by ONNX Runtime\n")

    def get_source_files(self):
        return []  # pyproject.toml names them: the package has its sources with it

    def get_outputs(self):
        return []

    def get_output_mapping(self):
        return {}


class Build(build):
    sub_commands = [*build.sub_commands, ("build_native", None)]


class WheelOfAPlatform(bdist_wheel):
    def run(self):
        native_command = self.get_finalized_command("build_native")
        if self.plat_name_supplied:
            native_command.target = target_of_wheel(self.plat_name)
            if native_command.target is None:
                tags = ", ".join(target.wheel_tag for target in TARGETS)
                raise OptionError("no library for `--plat-name %s`: one of %s" % (self.plat_name, tags))  # noqa: UP031
        self.run_command("build")
        if native_command.made:
            self.root_is_pure = False
            self.distribution.has_ext_modules = lambda: True  # which installs into the folder for this platform
        super().run()

    def egg2dist(self, egginfo_path, distinfo_path):
        super().egg2dist(egginfo_path, distinfo_path)
        target = self.get_finalized_command("build_native").target
        if target is not None and target.c_library == "musl":
            metadata = Path(distinfo_path, "METADATA")
            unwanted = tuple("Requires-Dist: %s>=" % name for name in GLIBC_ONLY)  # noqa: UP031
            lines = metadata.read_text(encoding="utf-8").splitlines(keepends=True)
            metadata.write_text("".join(line for line in lines if not line.startswith(unwanted)), encoding="utf-8")

    def get_tag(self):
        native_command = self.get_finalized_command("build_native")
        return "py3", "none", native_command.target.wheel_tag if native_command.made else "any"


setup(cmdclass={"build": Build, "build_native": BuildNative, "bdist_wheel": WheelOfAPlatform})
