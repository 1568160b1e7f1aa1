"""Findings about Python, the C library and the imports. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterator

from tinylm.doctor.finding import Finding, note, ok, problem
from tinylm.machine.facts import Facts, ImportTrial, Software

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 14)
"""What onnxruntime 1.31 has wheels for on aarch64 and x86_64 Linux; the index was asked when this was written."""
OLDEST_GLIBC, CURRENT_GLIBC = (2, 27), (2, 28)
"""onnxruntime 1.22 asks for manylinux_2_27, newer ones for manylinux_2_28."""

_TOO_OLD = {"sentencepiece": "a damaged tokenizer model can take over the process (CVE-2026-1260)"}
_REINSTALL = "install it again in a fresh environment: python3 -m venv NAME, then NAME/bin/pip install tinylm-*.whl"


def software_findings(facts: Facts) -> Iterator[Finding]:
    software = facts.software
    native = native_works(software)
    # A library that imports is there, whatever wheels the index has; and the native engine needs none of them.
    works = native or onnxruntime_works(software)
    yield _python(software, works=works)
    yield _libc(software, works=works)
    for trial in software.trials:
        if native and trial.outcome == "missing":
            yield note(f"import {trial.module}", "not installed, and not needed: the native engine runs models here")
        else:
            yield _import(trial)


def native_works(software: Software) -> bool:
    return software.native is not None and software.native.outcome == "ok"


def onnxruntime_works(software: Software) -> bool:
    return any(trial.module == "onnxruntime" and trial.outcome == "ok" for trial in software.trials)


def numbers(version: str) -> tuple[int, ...]:
    """The numbers at the beginning of a version such as `1.22.0rc1`, without zeros at the end."""
    found: list[int] = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        found.append(int(digits))
        if digits != part:
            break
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


def _python(software: Software, *, works: bool) -> Finding:
    what = f"{software.implementation} {software.python} on {software.distribution or software.system}"
    version = numbers(software.python)[:2]
    oldest, newest = (".".join(map(str, limit)) for limit in (OLDEST_PYTHON, NEWEST_PYTHON))
    if works:
        return ok("python", what)
    if software.implementation != "CPython":
        return problem(
            "python",
            what,
            why="onnxruntime has wheels for CPython only",
            what_to_do=f"use CPython {oldest} to {newest}: python3 -m venv NAME",
        )
    if not OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        return problem(
            "python",
            f"{what}: no wheels of onnxruntime are known for it",
            why=f"wheels are known for Python {oldest} to {newest}; `pip` then finds no matching distribution",
            what_to_do=f"make the environment with another Python: python{newest} -m venv NAME",
        )
    return ok("python", what)


def _libc(software: Software, *, works: bool) -> Finding:
    name, _, version = (software.libc or "").partition(" ")
    if not software.system.startswith("Linux"):
        return note("c library", f"not looked at on {software.system}")
    if works:
        return ok("c library", software.libc or "not glibc, and the libraries import")
    if name != "glibc":
        return problem(
            "c library",
            "not glibc",
            why="onnxruntime has wheels for glibc only, none for musl (Alpine)",
            what_to_do="use a distribution with glibc, such as Raspberry Pi OS or Debian",
        )
    if numbers(version) < OLDEST_GLIBC:
        return problem(
            "c library",
            f"glibc {version}",
            why=f"wheels of onnxruntime need glibc {OLDEST_GLIBC[0]}.{OLDEST_GLIBC[1]} or newer (manylinux_2_27)",
            what_to_do="use a newer system: Raspberry Pi OS of Debian 12 or later",
        )
    if numbers(version) < CURRENT_GLIBC:
        what = f"glibc {version}: only older onnxruntime has wheels for it"
        return note("c library", what, what_to_do="pip install 'onnxruntime==1.22.*'")
    return ok("c library", f"glibc {version}")


def _import(trial: ImportTrial) -> Finding:
    check = f"import {trial.module}"
    version = trial.version or "of unknown version"
    if trial.outcome == "not_tried":
        return note(check, f"{version}, not tried")
    if trial.outcome == "missing":
        return problem(
            check,
            "not installed",
            why="tinylm needs it at run time",
            what_to_do=f"pip install '{trial.module}>={trial.wanted}'",
        )
    if trial.outcome != "ok":
        return _failed_import(check, version, trial)
    time = "" if trial.ms is None else f", {trial.ms:.0f} ms"
    memory = "" if trial.rss_mb is None else f", {trial.rss_mb:.0f} MB"
    if trial.version is not None and numbers(trial.version) < numbers(trial.wanted):
        return problem(
            check,
            f"{trial.version} is installed, {trial.wanted} or newer is needed",
            why=_TOO_OLD.get(trial.module, "tinylm is not tested with it"),
            what_to_do=f"pip install '{trial.module}>={trial.wanted}'",
        )
    return ok(check, f"{version}{time}{memory}")


def _failed_import(check: str, version: str, trial: ImportTrial) -> Finding:
    if trial.outcome == "killed" and trial.detail == "SIGILL":
        return problem(
            check,
            f"{version} dies of SIGILL",
            why="its wheel uses an instruction that this processor does not have; emulators may not show it",
            what_to_do=f"try another version, such as pip install '{trial.module}=={trial.wanted}.*'",
        )
    if trial.outcome == "killed":
        reasons = {
            "SIGKILL": "most likely the system ran out of memory",
            "SIGSEGV": "the installed files are damaged or do not fit together",
            "SIGBUS": "a mapped file is damaged, or the disk is failing",
        }
        why = reasons.get(trial.detail, "every process that imports it ends the same way")
        return problem(check, f"{version} dies of {trial.detail}", why=why, what_to_do=_REINSTALL)
    what = f"{version}: {trial.detail}"
    why = "tinylm needs it at run time"
    if trial.outcome == "timeout":
        why = "the disk or the memory is so slow that no start will be in time"
    return problem(check, what, why=why, what_to_do=_REINSTALL)
