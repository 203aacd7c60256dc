"""A SLURM of one node on loopback, with four GPUs that are plain files and without accounting.

All its files are below one folder, its ports are free ones, and when the block is left nothing of
it runs any more: every process that it started has the path of its configuration in its
environment.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "setpriv")
GPUS = 4


def what_is_missing() -> str:
    """Why there can be no cluster, or nothing."""
    missing = [program for program in PROGRAMS if find(program) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


def find(program: str) -> str | None:
    """Daemons are not on every user's path."""
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


@contextmanager
def running_cluster(folder: Path) -> Iterator[Path]:
    """The configuration file, to be the environment's SLURM_CONF, of a cluster that is ready."""
    configuration = configure(folder)
    daemons: list[subprocess.Popen] = []
    try:
        for words in commands(folder):
            daemons.append(start(words, folder, configuration))
            if words[0] == "munged":
                wait_until(lambda: (folder / "munge.socket").exists(), "munged opens its socket")
        wait_until(lambda: is_idle(configuration), "the node is idle", folder)
        yield configuration
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        end_all(configuration)
        for daemon in daemons:
            daemon.wait(timeout=20)


def configure(folder: Path) -> Path:
    """Writes all that the daemons read."""
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o600)
    for number in range(GPUS):
        (folder / f"gpu{number}").touch()
    (folder / "gres.conf").write_text(f"Name=gpu File={folder}/gpu[0-{GPUS - 1}]\n")
    host = socket.gethostname().partition(".")[0]
    values = {
        "folder": folder,
        "host": host,
        "user": getpass.getuser(),
        "gpus": GPUS,
        "controller": free_port(),
        "node": free_port(),
    }
    for name in ("state", "spool"):
        (folder / name).mkdir()
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format_map(values))
    return configuration


def commands(folder: Path) -> list[list[str]]:
    """The daemons, in the foreground so that they stay children of this process."""
    munge = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
    socket_file = f"--socket={folder}/munge.socket"
    return [
        ["munged", "--foreground", "--force", socket_file, *munge],
        ["slurmctld", "-D"],
        ["slurmd", "-D"],
    ]


def start(words: list[str], folder: Path, configuration: Path) -> subprocess.Popen:
    """The daemon, which ends with this process should that be killed."""
    program = find(words[0]) or words[0]
    with (folder / f"{words[0]}.said").open("w") as said:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", program, *words[1:]],
            env={**os.environ, "SLURM_CONF": str(configuration)},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def is_idle(configuration: Path) -> bool:
    """Whether the node takes jobs."""
    answer = subprocess.run(
        ["sinfo", "--noheader", "--format=%T"],
        env={**os.environ, "SLURM_CONF": str(configuration)},
        capture_output=True,
        text=True,
    )
    return answer.stdout.strip() == "idle"


def wait_until(true, what: str, folder: Path | None = None, seconds: float = 30.0) -> None:
    """Returns once it is true; TimeoutError, with what the daemons said, if it does not become."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            files = sorted(folder.glob("*.said")) if folder else []
            said = "\n".join(file.read_text()[-1500:] for file in files)
            raise TimeoutError(f"{what}: not after {seconds} s\n{said}")
        time.sleep(0.1)


def end_all(configuration: Path) -> None:
    """Kills what has this configuration in its environment: daemons, steps, jobs and drivers."""
    deadline = time.monotonic() + 10
    while left := processes(configuration):
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {left} do not end")
        time.sleep(0.1)


def processes(configuration: Path) -> list[int]:
    """Those started with this configuration, this one not; the dead but unburied have no
    environment."""
    wanted, found = f"SLURM_CONF={configuration}".encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=3
MaxArraySize=11
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=1000 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=gpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
