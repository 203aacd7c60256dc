"""A disk that is full, and folders that cannot be written."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.selftest.tally import Tally
from bench.selftest.trial import LONG, SHORT, Ground, Place, Row, Work

WORK = Work(SHORT, seeds=6)
MANY = Work(SHORT, seeds=16)
MOST_PAGES = 14
"""Fewer than the records of so many runs need."""
DISK_BYTES = 2**20
PAGE = 4096
FULL = "full disk"
SHORTENED = Work(LONG, seeds=4)
FILE_BYTES = (1400, 2500, 3500, 4500)
"""Below the size of their records."""


class NoDisk(Exception):
    """Why no small disk can be had here."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of a megabyte at this place, for a while; NoDisk if that is not allowed."""
    folder.mkdir()
    size = f"size={DISK_BYTES}"
    words = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    try:
        subprocess.run(words, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as problem:
        why = problem.stderr.strip() if isinstance(problem, subprocess.CalledProcessError) else ""
        raise NoDisk(f"a small tmpfs cannot be mounted: {why or problem}") from None
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def full_disks(times: int, place: Place) -> Iterator[Row]:
    """A disk that is full from the start, or when some more has been written; then there is room,
    and `run` again. A run whose process could not write, while its record could be, is lost."""
    planted = "a tmpfs with room for nothing, or for a few pages more and more; then room again"
    found = Tally()
    try:
        for number in range(times):
            found += full_disk(number * MOST_PAGES // max(1, times - 1), place)
    except NoDisk as problem:
        yield Row(FULL, planted, skipped=str(problem))
        return
    yield Row(FULL, planted, times, times * MANY.seeds, found)


def full_disk(free_pages: int, place: Place) -> Tally:
    """What is wrong after a disk was full with this much room left."""
    ground = place.ground("disk")
    with small_disk(ground.results):
        filler = ground.results / "filler"
        fill(filler, free_pages)
        code = ground.run(MANY, "--jobs", "2")
        told = ground.printed
        filler.unlink()
        found = said(code, 2, told, "nothing could be written" if free_pages == 0 else "")
        found += ground.finish(MANY)
        return found + ground.count(MANY, place.undisturbed)


def fill(filler: Path, free_pages: int) -> None:
    """Takes all room on the filler's disk but these pages."""
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(PAGE))
    with filler.open("r+b") as file:
        file.truncate(max(0, filler.stat().st_size - free_pages * PAGE))


def said(code: int | None, expected: int, told: str, sentence: str) -> Tally:
    """What is wrong with a command's exit code and what it printed."""
    wrong = []
    if code != expected:
        wrong.append(f"the exit code is {code}, not {expected}")
    if sentence not in told:
        wrong.append(f"it does not say {sentence!r}")
    if "Traceback" in told:
        wrong.append("it prints a traceback")
    return Tally(wrong=tuple(wrong))


def short_files(place: Place) -> Iterator[Row]:
    """No file may grow beyond a limit, which first the header of a run and then its record is."""
    found = Tally()
    for limit in FILE_BYTES:
        ground = place.ground("short")
        code = ground.run(SHORTENED, variables={"BENCH_SELFTEST_FILE_BYTES": str(limit)})
        found += said(code, 2, ground.printed, "File too large")
        found += ground.finish(SHORTENED)
        found += ground.count(SHORTENED, place.undisturbed)
    times, planted = len(FILE_BYTES), "a limit of the size of files, below what a record needs"
    yield Row("short files", planted, times, times * SHORTENED.seeds, found)


def unwritable(place: Place) -> Iterator[Row]:
    """Results folders that are files, or on a disk that is read alone."""
    ground = place.ground("file")
    ground.results.write_text("")
    found = refused(ground)
    ground.results.unlink()
    found += ground.finish(WORK) + ground.count(WORK, place.undisturbed)
    yield Row("no folder", "a file where the results folder should be", 1, WORK.seeds, found)
    yield _suite_in_the_way(place)
    yield _read_only(place)


def refused(ground: Ground) -> Tally:
    """What is wrong unless the command says in a sentence that it cannot write."""
    return said(ground.run(WORK), 1, ground.printed, "cannot be written")


def _suite_in_the_way(place: Place) -> Row:
    """The results folder can be written, but not that of the suite."""
    ground = place.ground("way")
    ground.results.mkdir()
    obstacle = ground.results / WORK.suite
    obstacle.write_text("")
    found = said(ground.run(WORK), 2, ground.printed, "nothing could be written")
    obstacle.unlink()
    found += ground.finish(WORK) + ground.count(WORK, place.undisturbed)
    return Row("no suite's folder", "a file where the suite's folder goes", 1, WORK.seeds, found)


def _read_only(place: Place) -> Row:
    scenario, planted = "read-only folder", "a results folder on a disk that is read alone"
    ground = place.ground("read-only")
    try:
        with small_disk(ground.results):
            _mount_again(ground.results, "ro")
            found = refused(ground)
            _mount_again(ground.results, "rw")
            found += ground.finish(WORK) + ground.count(WORK, place.undisturbed)
    except NoDisk as problem:
        return Row(scenario, planted, skipped=str(problem))
    return Row(scenario, planted, 1, WORK.seeds, found)


def _mount_again(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)
