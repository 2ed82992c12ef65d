"""Files: whole or not at all, links never followed, pipes and devices never opened, leftovers of killed writes swept."""

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from quickstudy.errors import ArtefactError
from quickstudy.storage import files
from quickstudy.storage.files import appending, locked, open_whole, read_json, read_whole, swept, write_whole
from quickstudy.storage.plain_json import parsed


@pytest.fixture
def thesis(tmp_path: Path) -> Path:
    (tmp_path / "thesis").write_text("three years")
    return tmp_path / "thesis"


def test_a_link_is_replaced_and_what_it_names_is_left_alone(tmp_path: Path, thesis: Path) -> None:
    (tmp_path / "report.json").symlink_to(thesis)
    write_whole(tmp_path / "report.json", b"{}")
    assert thesis.read_text() == "three years"
    assert not (tmp_path / "report.json").is_symlink() and (tmp_path / "report.json").read_text() == "{}"


def test_locks_and_logs_follow_no_link_and_truncate_nothing(tmp_path: Path, thesis: Path) -> None:
    (tmp_path / ".lock").symlink_to(thesis)
    (tmp_path / "log.jsonl").symlink_to(thesis)
    with pytest.raises(ArtefactError, match=r"\.lock is a link.*Remove the link"), locked(tmp_path / ".lock"):
        pass
    with pytest.raises(ArtefactError, match=r"log\.jsonl is a link.*Remove the link"), appending(tmp_path / "log.jsonl"):
        pass
    with locked(thesis) as mine:
        assert mine
    with appending(thesis) as file:
        file.write(" and a day")
    assert thesis.read_text() == "three years and a day"


def test_permissions_stay_and_new_files_follow_the_mask(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("")
    secret.chmod(0o600)
    before = os.umask(0o027)
    try:
        write_whole(secret, b"1")
        write_whole(tmp_path / "new", b"1")
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("secret", "new")] == [0o600, 0o640]


def test_folders_pipes_and_devices_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "folder", "a folder"), (tmp_path / "pipe", "a pipe"), (Path("/dev/zero"), "a device")):
        with pytest.raises(ArtefactError, match=f"is {kind}, which is not overwritten"):
            write_whole(path, b"1")
        with pytest.raises(ArtefactError, match=f"is {kind}"):
            open_whole(path)
        with pytest.raises(ArtefactError, match=f"is {kind}|Is a directory"), locked(path, wait=False):
            pass
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode) and list((tmp_path / "folder").iterdir()) == []


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ArtefactError, match="has 1,099,511,627,776 bytes, more than"):
        read_whole(tmp_path / "sparse")
    with pytest.raises(ArtefactError, match="more than the"):
        read_json(tmp_path / "sparse")


KILLED = """
import os, signal, sys
from pathlib import Path
from quickstudy.storage import files
os.fsync = lambda handle: (print("half", flush=True), signal.pause())
files.write_whole(Path(sys.argv[1]), b"new" * 1000)
"""


def test_leftovers_of_killed_writes_are_swept_and_those_at_work_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"old")
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "a.bin")], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"half\n"
    assert len(list(tmp_path.iterdir())) == 2
    assert swept(tmp_path) == [] and len(list(tmp_path.iterdir())) == 2, "its process lives"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (tmp_path / ".b.bin.0123abcd.part").write_bytes(b"of another file")
    (tmp_path / ".a.bin.mine.part").write_bytes(b"of another pattern")
    write_whole(tmp_path / "a.bin", b"newer")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.bin.mine.part", ".b.bin.0123abcd.part", "a.bin"]
    assert swept(tmp_path) == ["b.bin"] and (tmp_path / "a.bin").read_bytes() == b"newer"


def test_interrupted_nothing_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a", b"1")
    assert list(tmp_path.iterdir()) == []


def test_json_bombs_are_refused() -> None:
    bombs = ["[" * 10**6, '{"a":' * 10**5 + "1" + "}" * 10**5, "[" * 200 + "]" * 200, "[" + "[]," * 2 * 10**6 + "1]", "9" * 5000]
    for bomb in [*bombs, str(2**64), '"\\ud800"', '{"\\ud800": 1}']:
        with pytest.raises(ValueError):
            parsed(bomb)
    deep = "[" * 100 + "1" + "]" * 100
    assert parsed('{"a": [1, 2.5, null, true, "ä"], "b": %s}' % (2**64 - 1)) == {"a": [1, 2.5, None, True, "ä"], "b": 2**64 - 1}
    assert parsed(deep[1:-1]) is not None


WRITES = re.compile(
    r"write_text|write_bytes|savefig\(|np\.savez?\(|\bopen\([^)]*[\"'][wax+rb]*[wax+][bt+]*[\"']|\.touch\(|O_TRUNC"
)
ALLOWED = {
    "storage/files.py": "the one place",
    "datasets/fetch.py": "np.savez into memory",
    "datasets/store.py": "rows.bin is made anew after what stood there was removed",
    "datasets/encoded.py": "rows.bin is added to after a link was removed",
    "plots/style.py": "figures into memory",
}


def test_files_are_written_in_one_place() -> None:
    """Which follows no link and truncates nothing; the others say why they may."""
    source = Path(files.__file__).parents[1]
    found = {
        str(path.relative_to(source)): [line.strip() for line in path.read_text().splitlines() if WRITES.search(line)]
        for path in sorted(source.rglob("*.py"))
    }
    strangers = {name: lines for name, lines in found.items() if lines and not ALLOWED.get(name)}
    assert not strangers, strangers
