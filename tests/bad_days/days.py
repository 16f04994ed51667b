"""The bad days: each a function of the scene and of chance that raises when bascule fails it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from process import Running
from scene import (
    TRACKER,
    Scene,
    big_file,
    copy_model,
    expect_error,
    expect_no_half_result,
    expect_success,
    final,
)

VERBS = ("import", "export")
TOY = Path(__file__).parents[1] / "golden/llama"
TRIES = 8  # to catch a run in the middle


def caught(
    scene: Scene, verb: str, target: Path, *options: str, source: Path | None = None
) -> Running:
    """Starts a run and freezes it while it writes."""
    for _ in range(TRIES):
        running = scene.start(verb, source or scene.source(verb), target, *options)
        if running.stop_when_writing(final(target, verb)):
            return running
        done = running.wait()
        assert done.code == 0, f"it ended before it wrote anything: {done}"
        shutil.rmtree(target)
    raise AssertionError(f"{TRIES} runs of {verb} ended before their partial work could be seen")


def kill_at_a_random_moment(scene: Scene, chance: Random, verb: str, overwrite: bool) -> str:
    """kill -9, one to three times; then the same command again."""
    with scene.place() as place:
        target = place / "target"
        flag = ["--overwrite"] if overwrite else []
        models: tuple[int, ...] = (0,)
        if overwrite:  # what was there is another model: it or the new one must be there, whole
            done = scene.run(verb, scene.source(verb, 1), target)
            assert done.code == 0, str(done)
            models = (0, 1)
        seen = []
        for _ in range(chance.randint(1, 3)):
            running = scene.start(verb, scene.source(verb), target, *flag)
            try:
                running.process.wait(timeout=chance.uniform(0, 0.95) * scene.seconds[verb])
            except subprocess.TimeoutExpired:
                running.send(signal.SIGKILL)
            done = running.wait()
            there = expect_no_half_result(scene, verb, target, models)
            assert there or not overwrite, "the old result is gone and no new one is there"
            parts = [p for p in final(target, verb).parent.glob(".*partial*") if p.is_dir()]
            seen.append("ended" if done.code != 137 else "partial" if parts else "early")
            if done.code != 137 and not overwrite:
                break  # it was done before it could be killed
        expect_success(scene, verb, target, overwrite=final(target, verb).exists())
        return ", ".join(seen)


@contextmanager
def small_disk(megabytes: int, kilobytes: int = 0) -> Iterator[Path]:
    """A file system of its own, in memory. Needs root: CI is, and a developer has `sudo`."""
    size = megabytes * 1024 + kilobytes
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    options = ["-t", "tmpfs", "-o", f"size={size}k,mode=777", "bascule", str(folder)]
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    subprocess.run([*prefix, "mount", *options], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*prefix, "mount", "-o", "remount,rw", str(folder)], check=False)
        subprocess.run([*prefix, "umount", "-l", str(folder)], check=True)
        folder.rmdir()


def no_room_from_the_start(scene: Scene, chance: Random, verb: str) -> str:
    """A disk that cannot hold the result: said at once, with both numbers."""
    with small_disk(scene.size // 2_000_000) as disk:
        done = scene.run(verb, scene.source(verb), disk / "target")
        expect_error(done, (6,), str(disk), "space")
        assert done.seconds < 5, f"it took {done.seconds:.1f} s to see that there is no room"
        assert not expect_no_half_result(scene, verb, disk / "target", (0,))
        rehearsed = scene.run(verb, scene.source(verb), disk / "target", "--dry-run")
        expect_error(rehearsed, (6,), str(disk), "space")
    return done.err.strip().splitlines()[-1]


def disk_fills_on_the_way(scene: Scene, chance: Random, verb: str) -> str:
    """Another program takes the rest of the disk while the result is written."""
    with small_disk(scene.size // 1_000_000 + 150) as disk:
        target, filler = disk / "target", disk / "filler"
        running = caught(scene, verb, target)
        free = os.statvfs(disk)
        with open(filler, "wb") as file:  # all but 4 MB
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - (4 << 20))
        running.go_on()
        done = running.wait()
        if done.code == 0:  # it had reserved its room: then it must be whole
            assert expect_no_half_result(scene, verb, target, (0,))
            return "had reserved its room"
        expect_error(done, (6,), str(disk), "space")
        assert not expect_no_half_result(scene, verb, target, (0,))
        filler.unlink()
        expect_success(scene, verb, target, overwrite=False)
    return done.err.strip().splitlines()[-1]


def disk_fills_at_the_end(scene: Scene, chance: Random, verb: str) -> str:
    """By 4 kB more room each time: what has its name is all there, trackers too; else nothing."""

    def used(disk: Path) -> int:
        about = os.statvfs(disk)
        return (about.f_blocks - about.f_bfree) * about.f_frsize // 1024

    source, results = TOY / ("hf" if verb == "import" else "megatron"), []
    with small_disk(8) as disk:
        assert scene.run(verb, source, disk / "target").code == 0
        whole = used(disk)
    for more in range(-16, 40, 4):
        with small_disk(0, whole + more) as disk:
            target = disk / "target"
            done = scene.run(verb, source, target)
            results.append(done.code)
            if done.code:
                expect_error(done, (6,), str(disk), "space")
            assert final(target, verb).exists() == (done.code == 0), f"{more}: {done}"
            if verb == "import":
                assert (target / TRACKER).exists() == (done.code == 0), f"{more}: {done}"
            again = scene.run("verify", source, target)
            assert (again.code == 0) == (done.code == 0), f"{more}: {again}"
    assert results[0] == 6 and results[-1] == 0, results
    return f"{results.count(6)} of {len(results)} did not fit"


def target_cannot_be_written(scene: Scene, chance: Random, verb: str) -> str:
    """A file system that is mounted read-only."""
    with small_disk(scene.size // 1_000_000 + 150) as disk:
        prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
        subprocess.run([*prefix, "mount", "-o", "remount,ro", str(disk)], check=True)
        done = scene.run(verb, scene.source(verb), disk / "target")
        expect_error(done, (6,), str(disk))
        subprocess.run([*prefix, "mount", "-o", "remount,rw", str(disk)], check=True)
        assert not any(disk.iterdir()), f"something was left: {[*disk.iterdir()]}"
        expect_success(scene, verb, disk / "target", overwrite=False)
    return done.err.strip().splitlines()[-1]


def two_on_one_target(scene: Scene, chance: Random, verb: str) -> str:
    """A second process is refused, naming the first, which is not disturbed."""
    with scene.place() as place:
        target = place / "target"
        first = caught(scene, verb, target)
        same = scene.run(verb, scene.source(verb), target)
        other = scene.run(verb, scene.source(verb, 1), target)
        first.go_on()
        for second in (same, other):
            expect_error(second, (6,), str(first.pid))
        done = first.wait()
        assert done.code == 0, f"the first was disturbed: {done}"
        assert expect_no_half_result(scene, verb, target, (0,))
    return same.err.strip().splitlines()[-1]


def source_shrinks(scene: Scene, chance: Random, verb: str) -> str:
    """A file of the source is cut while it is read: no signal, no garbage, its name is said."""
    with scene.place() as place:
        source = copy_model(scene.source(verb), place / "source")
        target, victim = place / "target", big_file(source)
        whole = victim.read_bytes()
        running = caught(scene, verb, target, source=source)
        os.truncate(victim, 1 << 20)
        running.go_on()
        done = running.wait()
        expect_error(done, (3, 4, 6), victim.name)
        assert not expect_no_half_result(scene, verb, target, (0,))
        victim.write_bytes(whole)
        again = scene.run(verb, source, target)
        assert again.code == 0, f"the next run fails: {again}"
        assert expect_no_half_result(scene, verb, target, (0,))
    return done.err.strip().splitlines()[-1]


def interrupted(scene: Scene, chance: Random, verb: str, number: signal.Signals) -> str:
    """Ctrl-C and a polite kill: the exit status says which, and the work can go on."""
    with scene.place() as place:
        target = place / "target"
        running = caught(scene, verb, target)
        running.send(number)
        running.go_on()
        done = running.wait()
        assert done.code == 128 + number, f"expected exit {128 + number}: {done}"
        assert done.err.strip(), "an interrupted run says nothing"
        assert not expect_no_half_result(scene, verb, target, (0,))
        expect_success(scene, verb, target, overwrite=False)
    return done.err.strip().splitlines()[-1]


def target_exists(scene: Scene, chance: Random, verb: str) -> str:
    """Without --overwrite what is there stays, untouched."""
    with scene.place() as place:
        target = place / "target"
        assert scene.run(verb, scene.source(verb, 1), target).code == 0
        done = scene.run(verb, scene.source(verb), target)
        expect_error(done, (2,), "--overwrite")
        assert expect_no_half_result(scene, verb, target, (1,))
    return done.err.strip().splitlines()[-1]


def a_bit_flips(scene: Scene, chance: Random, verb: str) -> str:
    """What reaches the disk differs in one bit from what was written: seen before it has a name."""
    with scene.place() as place:
        target = place / "target"
        flip = {"LD_PRELOAD": str(scene.bit_flip()), "BASCULE_FLIP": str(place)}
        done = scene.run(verb, scene.source(verb), target, environment=flip)
        expect_error(done, (4,), "verification failed, nothing was kept")
        assert (place / "flipped").exists(), "no bit was flipped, which so proves nothing"
        assert not final(target, verb).exists(), f"{target} has what is wrong"
        assert not any(final(target, verb).parent.glob(".*partial-*")), "something was kept"
        expect_success(scene, verb, target, overwrite=False)
    return done.err.strip().splitlines()[-1]


Day = Callable[[Scene, Random], str]


def all_days(kills: int) -> list[tuple[str, Day]]:
    """Every day with its name; `kills` of them are random."""
    days: list[tuple[str, Day]] = []
    for verb in VERBS:
        for day in (
            no_room_from_the_start,
            disk_fills_on_the_way,
            disk_fills_at_the_end,
            target_cannot_be_written,
            two_on_one_target,
            source_shrinks,
            target_exists,
            a_bit_flips,
        ):
            days.append((f"{verb}: {day.__name__}", lambda s, c, d=day, v=verb: d(s, c, v)))
        for number in (signal.SIGINT, signal.SIGTERM):
            days.append(
                (f"{verb}: {number.name}", lambda s, c, n=number, v=verb: interrupted(s, c, v, n))
            )
    for trial in range(kills):
        verb, overwrite = VERBS[trial % 2], trial % 4 >= 2
        days.append(
            (
                f"{verb}: kill -9, trial {trial}{', over another model' if overwrite else ''}",
                lambda s, c, v=verb, o=overwrite: kill_at_a_random_moment(s, c, v, o),
            )
        )
    return days
