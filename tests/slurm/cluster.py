#!/usr/bin/env python3
"""A real Slurm on the loopback interface: munged, slurmctld and a slurmd per node.

    cluster.py FOLDER [NODES [CPUS]]      runs one until Ctrl-C; prints SLURM_CONF

Several slurmd on one host are several nodes to Slurm, so nodes can be lost, drained and
brought back. No service manager, no files outside FOLDER; works for root and for other
users (whose jobs then run as themselves). Daemons are children of this process and die
with it.
"""
import ctypes
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol",
            "sinfo")
PR_SET_PDEATHSIG = 1
SKIP = 77
# Everything is waited for until it is there; only what never comes takes so long, or the
# first where Slurm cannot run and its tests are skipped.
START_SECONDS, LONGEST_SECONDS = 120, 600

CONF = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=10
KillWait={kill_wait}
MaxArraySize=10001
MpiDefault=none
{nodes}
PartitionName=main Nodes=n[1-{count}] Default=YES MaxTime=UNLIMITED
"""


def missing_programs():
    """Those that the PATH does not have; sbin is looked at too."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    return [name for name in PROGRAMS if not shutil.which(name)]


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def bound(kind, port):
    made = socket.socket(type=kind)
    try:
        made.bind(("127.0.0.1", port))
    except OSError:
        made.close()
        raise
    return made


def free_ports(count):
    """The first of `count` neighbouring ports that nobody listens on, and sockets to keep:
    Slurm wants the ports of TCP, a cluster beside this one sees those of UDP taken."""
    # Below those that the kernel gives to whoever connects.
    for base in range(21000, 32000, count):
        reserved = []
        try:
            for port in range(base, base + count):
                reserved.append(bound(socket.SOCK_DGRAM, port))
                bound(socket.SOCK_STREAM, port).close()
            return base, reserved
        except OSError:
            for each in reserved:
                each.close()
    raise RuntimeError("no free ports")


class Cluster:
    def __init__(self, folder, nodes=4, cpus=2, kill_wait=10):
        self.folder, self.count = os.path.abspath(folder), nodes
        self.names = [f"n{i + 1}" for i in range(nodes)]
        self.daemons = {}
        os.makedirs(self.folder, exist_ok=True)
        for name in ["state"] + [f"spool/{node}" for node in self.names]:
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        host = socket.gethostname().split(".")[0]
        port, self.reserved = free_ports(nodes + 1)
        lines = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 "
            f"Port={port + 1 + i} CPUs={cpus} RealMemory=500"
            for i, node in enumerate(self.names))
        conf = os.path.join(self.folder, "slurm.conf")
        with open(conf, "w") as out:
            out.write(CONF.format(host=host, port=port, user=getpass.getuser(),
                                  folder=self.folder, nodes=lines, count=nodes,
                                  kill_wait=kill_wait))
        key = os.path.join(self.folder, "munge.key")
        if not os.path.exists(key):
            with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
                out.write(os.urandom(128))
        os.environ["SLURM_CONF"] = conf
        # Nodes share this machine's cores; slots are to take them as if each had its own.
        os.environ["AUTOSIM_CORE_CLAIMS"] = "off"
        for name in list(os.environ):  # of a job that the tests themselves run in
            if name.startswith(("SLURM_", "SBATCH_", "SQUEUE_")) and name != "SLURM_CONF":
                del os.environ[name]

    def spawn(self, name, command):
        log = open(os.path.join(self.folder, f"{name}.out"), "ab")
        self.daemons[name] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=die_with_parent, start_new_session=True)
        log.close()

    def start(self):
        where = self.folder
        self.spawn("munged", ["munged", "--foreground", "--force",
                              f"--key-file={where}/munge.key",
                              f"--socket={where}/munge.socket",
                              f"--pid-file={where}/munged.pid",
                              f"--log-file={where}/munged.log",
                              f"--seed-file={where}/munge.seed"])
        self.wait_for(lambda: os.path.exists(f"{where}/munge.socket"), "munged",
                      START_SECONDS)
        self.start_controller()
        for node in self.names:
            self.start_node(node)
        self.wait_for(lambda: len(self.ask("sinfo", "-hN", "-t", "idle", "-o", "%N")
                                  .split()) == self.count, "all nodes idle",
                      START_SECONDS)
        return self

    def start_controller(self):
        self.spawn("slurmctld", ["slurmctld", "-D", "-i"])

    def kill_controller(self):
        self.end("slurmctld", signal.SIGKILL)

    def forget_jobs(self):
        """What a controller that is killed had not written yet; while none runs."""
        state = os.path.join(self.folder, "state")
        for name in os.listdir(state):
            if name.startswith("job_state"):
                os.remove(os.path.join(state, name))

    def start_node(self, node):
        self.spawn(node, ["slurmd", "-D", "-N", node])

    def kill_node(self, node):
        """The daemon only: its jobs know nothing of it."""
        self.end(node, signal.SIGKILL)

    def end(self, name, number):
        daemon = self.daemons.pop(name)
        daemon.send_signal(number)
        daemon.wait()

    @staticmethod
    def ask(*command):
        """What a command of Slurm prints; "" where it fails."""
        done = subprocess.run(command, text=True, capture_output=True,
                              timeout=LONGEST_SECONDS)
        return done.stdout if done.returncode == 0 else ""

    @staticmethod
    def wait_for(condition, what, seconds=LONGEST_SECONDS):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {seconds} s")
            time.sleep(0.1)

    def controller_requests(self):
        """{message: count} of what was asked of slurmctld since it started."""
        counts, section = {}, ""
        for line in self.ask("sdiag").splitlines():
            section = line if line.startswith("Remote Procedure Call") else section
            found = re.match(r"\s+(REQUEST_\w+) .*count:(\d+)", line)
            if "by message type" in section and found:
                counts[found[1]] = int(found[2])
        return counts

    def stop(self):
        if "slurmctld" in self.daemons:
            self.ask("scancel", "--user", getpass.getuser())
            try:
                self.wait_for(lambda: not self.ask("squeue", "-h"), "jobs end", 60)
            except TimeoutError as problem:
                print(problem)
        for name in list(self.daemons)[::-1]:
            self.end(name, signal.SIGTERM)

    def why_not(self, problem):
        """What the daemons said last."""
        said = []
        for name in ("munged", "slurmctld", *self.names):
            path = os.path.join(self.folder, f"{name}.out")
            lines = open(path).read().split("\n")[-4:] if os.path.exists(path) else []
            said += [f"{name}: {line}" for line in lines if line]
        return "\n".join([f"Slurm does not start here ({problem})", *said])

    def __enter__(self):
        """Tests are skipped where the daemons cannot run."""
        try:
            return self.start()
        except TimeoutError as problem:
            print(f"skipped: {self.why_not(problem)}")
            self.stop()
            sys.exit(SKIP)

    def __exit__(self, *ignored):
        self.stop()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    with Cluster(arguments[0], *map(int, arguments[1:])):
        print(f"export SLURM_CONF={os.environ['SLURM_CONF']}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass
