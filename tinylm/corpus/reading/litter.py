"""What systems, file servers, cloud folders, editors and version control leave in a folder, and nobody wrote.

Everything that begins with a dot is left out before this is asked; here is what does not.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

_FOLDERS = {
    "Windows": ("$RECYCLE.BIN", "RECYCLER", "System Volume Information", "FOUND.000"),
    "macOS": ("__MACOSX", "Network Trash Folder", "Temporary Items"),
    "Linux": ("lost+found",),
    "NAS": ("@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", "@tmp", "@sharebin"),
    "version control": ("CVS", "RCS", "SCCS", "_darcs", "_svn"),
    "program's cache": ("__pycache__", "node_modules"),
}
_FILES = {
    "Windows": ("desktop.ini", "Thumbs.db", "ehthumbs*.db", "autorun.inf", "NTUSER.*", "*.lnk", "*.url", "*.tmp"),
    "macOS": ("Icon\r", "*.webloc", "*.textClipping"),
    "Linux": ("*.desktop",),
    "NAS": ("*@SynoEAStream", "*@SynoResource"),
    "cloud": ("*.gdoc", "*.gsheet", "*.gslides", "~syncthing~*", "*.onedrive", "*.dropbox.attr"),
    "download": ("*.crdownload", "*.part", "*.partial", "*.download", "*.aria2", "*.!ut"),
    "editor": ("*~", "~$*", "#*#", "*.swp", "*.swo", "*.bak", "*.orig", "*.rej", "*.autosave"),
    "version control": ("*,v",),
    "program's cache": ("*.pyc", "*.pyo"),
}


def _table(names: dict[str, tuple[str, ...]]) -> tuple[tuple[str, str], ...]:
    return tuple((pattern, whose) for whose, patterns in names.items() for pattern in patterns)


_FOLDER_TABLE, _FILE_TABLE = _table(_FOLDERS), _table(_FILES)


def litter(name: str, *, is_folder: bool) -> str | None:
    """What a file or folder with this name is, such as `desktop.ini (Windows)`, or None for what people write."""
    lower = name.lower()
    for pattern, whose in _FOLDER_TABLE if is_folder else _FILE_TABLE:
        if fnmatchcase(lower, pattern.lower()):
            return f"{pattern.strip()} ({whose})"
    return None
