"""`tinylm virtual-pi build / start / wait / ssh / scp / stop / check`: an emulated Raspberry Pi."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tinylm.base.errors import say
from tinylm.cli.help import Command, Group
from tinylm.cli.options.budget import Against, budget_option, read_earlier
from tinylm.cli.options.bundle import Backend
from tinylm.cli.options.candidate import find_candidate
from tinylm.cli.options.output import Certify, Html, Json, Junit, Markdown, Outputs

if TYPE_CHECKING:
    from tinylm.runtime.backends.contract import Backend as RunBackend
    from tinylm.virtual_pi.machine import Machine

virtual_pi_app = typer.Typer(
    name="virtual-pi", cls=Group, rich_markup_mode=None, help="Boot an emulated Raspberry Pi and use it."
)

ENVIRONMENT_MIRROR = "TINYLM_DEBIAN_MIRROR"
_MACHINE, _IMAGE = "Machine", "Image"
_Board = Annotated[str, typer.Option(metavar="NAME", rich_help_panel=_MACHINE, help="pi-zero-2w, pi-3, pi-4 or pi-5.")]
_Cpu = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=_MACHINE,
        help="cortex-a53, cortex-a72 or cortex-a76 instead of the board's own.",
    ),
]
_Release = Annotated[int, typer.Option(rich_help_panel=_MACHINE, help="Debian 12 (Python 3.11) or 13 (Python 3.13).")]
_Mirror = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar=ENVIRONMENT_MIRROR,
        rich_help_panel=_IMAGE,
        help="Debian mirror to build from; this machine's own apt sources when left out.",
    ),
]
_Keyring = Annotated[
    Path | None,
    typer.Option(metavar="FILE", rich_help_panel=_IMAGE, help="Keys that the mirror's packages are checked with."),
]
_Folder = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", rich_help_panel=_IMAGE, help="Where images and machines lie; the user's cache when left out."
    ),
]
_Name = Annotated[str, typer.Option(metavar="NAME", help="Which machine, when there are several.")]
_Root = Annotated[bool, typer.Option("--root", help="As root instead of the user `pi`.")]


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """What is emulated, and of which image; None takes the budget's board, its processor, and what this machine has."""

    board: str | None = None
    cpu: str | None = None
    release: int = 12
    """Of Debian."""
    mirror: str | None = None
    keyring: Path | None = None
    folder: Path | None = None
    """Where images and machines lie."""


@virtual_pi_app.command(cls=Command, epilog="tinylm virtual-pi build")
def build(
    release: _Release = 12,
    mirror: _Mirror = None,
    keyring: _Keyring = None,
    folder: _Folder = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Look for newer packages now.")] = False,
) -> None:
    """Build the image and print its folder; at once when it is there already."""
    emulator = Emulator(release=release, mirror=mirror, keyring=keyring, folder=folder)
    print(_image(emulator, refresh=refresh))


@virtual_pi_app.command(cls=Command, epilog="tinylm virtual-pi start --board pi-4")
def start(
    board: _Board = "pi-zero-2w",
    cpu: _Cpu = None,
    release: _Release = 12,
    name: _Name = "default",
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1 for ssh; 0 takes a free one.")] = 0,
    measure: Annotated[
        bool, typer.Option("--measure", help="One core whose clock counts instructions, instead of a fast machine.")
    ] = False,
    snapshot: Annotated[
        bool, typer.Option("--snapshot", help="Forget every change at the end, instead of keeping it.")
    ] = False,
    mirror: _Mirror = None,
    keyring: _Keyring = None,
    folder: _Folder = None,
) -> None:
    """Start a machine that stays until `tinylm virtual-pi stop`; `wait` says when it answers."""
    from tinylm.virtual_pi.boards import find_board, find_cpu
    from tinylm.virtual_pi.machine import kept_image, start_machine
    from tinylm.virtual_pi.qemu import Settings

    imitated = find_board(board)
    settings = Settings(
        cpu=imitated.cpu if cpu is None else find_cpu(cpu),
        cores=1 if measure else imitated.cores,
        memory_mib=imitated.memory_mib,
        port=port,
        measure=measure,
        snapshot=snapshot,
    )
    kept = None if snapshot else kept_image(_place(folder), name, release=release)
    image = kept or _image(Emulator(release=release, mirror=mirror, keyring=keyring, folder=folder))
    machine = start_machine(image=image, settings=settings, folder=_place(folder), name=name)
    print(f"{name}: {imitated.description}, {settings.cpu}, 127.0.0.1:{machine.state.port}")


@virtual_pi_app.command(cls=Command, epilog="tinylm virtual-pi wait")
def wait(
    name: _Name = "default",
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=1, help="Give up after so long.")] = 240,
    folder: _Folder = None,
) -> None:
    """Wait until the machine has started everything and answers on ssh."""
    seconds = _machine(folder, name).wait(timeout_s=timeout)
    say(f"{name} answered after {seconds:.1f} s")


@virtual_pi_app.command(
    context_settings={"ignore_unknown_options": True}, cls=Command, epilog="tinylm virtual-pi ssh -- uname -a"
)
def ssh(
    command: Annotated[list[str] | None, typer.Argument(help="What to run; a shell when left out.")] = None,
    name: _Name = "default",
    root: _Root = False,
    folder: _Folder = None,
) -> None:
    """Run a command in the machine; its exit code becomes this one's."""
    import subprocess

    from tinylm.virtual_pi.remote import ssh_command

    machine = _machine(folder, name)
    there = ssh_command(
        image=machine.image, port=machine.state.port, command=command or [], user="root" if root else "pi"
    )
    raise typer.Exit(subprocess.run(there, check=False).returncode)


@virtual_pi_app.command(cls=Command, epilog="tinylm virtual-pi scp runs/NAME/bundle pi:bundle")
def scp(
    paths: Annotated[list[str], typer.Argument(help="Sources and a target; `pi:` before a path means the machine.")],
    name: _Name = "default",
    root: _Root = False,
    folder: _Folder = None,
) -> None:
    """Copy files or folders: `tinylm virtual-pi scp runs/tiny/bundle pi:bundle`."""
    import subprocess

    from tinylm.virtual_pi.remote import scp_command

    machine = _machine(folder, name)
    there = scp_command(image=machine.image, port=machine.state.port, paths=paths, user="root" if root else "pi")
    raise typer.Exit(subprocess.run(there, check=False).returncode)


@virtual_pi_app.command(cls=Command, epilog="tinylm virtual-pi stop --forget")
def stop(
    name: _Name = "default",
    forget: Annotated[bool, typer.Option("--forget", help="Drop what the machine wrote to its disk, too.")] = False,
    folder: _Folder = None,
) -> None:
    """Stop a machine; nothing of it keeps running. Its disk changes stay for the next start."""
    from tinylm.virtual_pi.machine import stop_named

    stop_named(_place(folder), name, forget=forget)
    say(f"{name} is stopped")


@virtual_pi_app.command(cls=Command, epilog="tinylm virtual-pi check runs/NAME --board pi-3")
def check(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            help="A bundle, a run that has one, or a program made by `export --standalone`; the latest run's bundle"
            " when left out."
        ),
    ] = None,
    budget: Annotated[str | None, budget_option(show_default="the board's, or pi-zero-2w")] = None,
    board: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", rich_help_panel=_MACHINE, help="The board to imitate; the budget's own when left out."
        ),
    ] = None,
    cpu: _Cpu = None,
    release: _Release = 12,
    json: Json = False,
    certify: Certify = False,
    backend: Backend = "auto",
    against: Against = None,
    mirror: _Mirror = None,
    keyring: _Keyring = None,
    folder: _Folder = None,
    junit: Junit = None,
    markdown: Markdown = None,
    html: Html = None,
) -> None:
    """`tinylm check-budgets --virtual-pi` with a choice of board, processor and release.

    Exit code 0: it fits, as far as an emulator can tell. 1: a limit is exceeded. 2: bundle or budget cannot be used.
    3: undecided, or no virtual Pi can run here.
    """
    check_emulated(
        bundle,
        budget=budget,
        backend=backend,
        against=against,
        emulator=Emulator(board=board, cpu=cpu, release=release, mirror=mirror, keyring=keyring, folder=folder),
        outputs=Outputs(json=json, certify=certify, junit=junit, markdown=markdown, html=html),
    )


def check_emulated(
    named: Path | None,
    *,
    budget: str | None,
    backend: RunBackend,
    against: Path | None,
    emulator: Emulator,
    outputs: Outputs,
) -> NoReturn:
    """Check the bundle, run or program `named` on an emulated board, show the report and end with its exit code.

    A `budget` that is None is the board's. TinylmError when bundle, budget or board cannot be used.
    """
    import dataclasses

    from tinylm.base.errors import TinylmError
    from tinylm.budget.compare.comparison import compare
    from tinylm.budget.spec.budget import load_budget
    from tinylm.virtual_pi.boards import find_board, find_cpu
    from tinylm.virtual_pi.check import board_for, check_on_virtual_pi, cost_model

    outputs.check(against, None if budget is None else Path(budget))
    old = read_earlier(against)
    limits = load_budget(budget or emulator.board or "pi-zero-2w")
    cost_model(limits)
    board = board_for(limits) if emulator.board is None else find_board(emulator.board)
    if emulator.cpu is not None:
        board = dataclasses.replace(board, cpu=find_cpu(emulator.cpu))
    candidate = find_candidate(named, strict=outputs.certify)
    if candidate.kind == "decoder":
        raise TinylmError(
            f"`{named}` is a decoder; the virtual Pi checks bundles and programs only",
            "check it on a machine: tinylm check-budgets without --virtual-pi",
        )
    outputs.check(candidate.path)
    say(f"checking {candidate.path} against {limits.name} ({limits.description}) on a virtual Pi")
    report = check_on_virtual_pi(
        candidate,
        limits,
        image=_image(emulator, python=candidate.kind == "bundle"),
        board=board,
        folder=_place(emulator.folder),
        backend=backend,
        announce=say,
    ).report
    if old is not None:
        report = dataclasses.replace(report, comparison=compare(old, report))
    outputs.finish(report)


def _image(emulator: Emulator, *, refresh: bool = False, python: bool = True) -> Path:
    from tinylm.virtual_pi.image import build_image
    from tinylm.virtual_pi.releases import DEFAULT_KEYRING, find_release

    return build_image(
        release=find_release(emulator.release),
        folder=_place(emulator.folder),
        announce=say,
        mirror=emulator.mirror or os.environ.get(ENVIRONMENT_MIRROR) or None,
        keyring=emulator.keyring or DEFAULT_KEYRING,
        refresh=refresh,
        python=python,
    )


def _machine(folder: Path | None, name: str) -> Machine:
    from tinylm.virtual_pi.machine import find_machine

    return find_machine(_place(folder), name)


def _place(folder: Path | None) -> Path:
    from tinylm.virtual_pi.folders import default_folder

    return default_folder() if folder is None else folder.resolve()
