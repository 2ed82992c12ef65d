"""Where a run is trained: on which device, in how many processes, on how many machines."""

import os
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from quickstudy.errors import MissingExtra, RunError

__all__ = ["Machines"]


@Parameter(name="*")
@dataclass(frozen=True)
class Machines:
    """Devices and processes of a training run; by default one process on the CPU."""

    devices: Annotated[
        str | None, Parameter(help='Processes on each machine, one a device: a number, "auto", or "0,2" for these GPUs.')
    ] = None
    nodes: Annotated[int | None, Parameter(help="Machines; the command is started on each, by SLURM for example.")] = None
    accelerator: Annotated[
        Literal["auto", "cpu", "gpu", "mps"] | None,
        Parameter(help="Kind of device: the CPU, or with other flags of these the best one found (auto)."),
    ] = None
    precision: Annotated[
        Literal["32-true", "bf16-mixed"], Parameter(help="Of the encoder; inner loops always compute in float32.")
    ] = "32-true"

    def flags(self) -> list[str]:
        """The same as flags of a command line."""
        return [
            word
            for f in fields(self)
            if getattr(self, f.name) != f.default
            for word in (f"--{f.name}", str(getattr(self, f.name)))
        ]

    def fabric(self) -> Any:
        """A launched Lightning Fabric; None for one process on the CPU.

        Raises:
            MissingExtra: Lightning Fabric is not installed.
            RunError: there are no such devices.
        """
        started = _started_elsewhere()
        if self == Machines() and started in (None, (1, 1)):
            return None
        try:
            from lightning_fabric import Fabric
        except ImportError as error:
            raise MissingExtra(
                'other devices or several processes need Lightning Fabric. Install it: pip install "quickstudy[scale]"'
            ) from error
        here, machines = started or (1, 1)
        devices: Any = self.devices or here
        nodes = self.nodes or machines
        several = nodes > 1 or str(devices) != "1"
        try:
            fabric = Fabric(
                accelerator=self.accelerator or "auto",
                devices=devices,
                num_nodes=nodes,
                precision=self.precision,
                strategy="ddp" if several else "auto",
            )
            fabric.launch()
        except (RuntimeError, TypeError, ValueError) as error:
            raise RunError(
                f"the processes could not be started: {error} Look at --devices, --nodes and --accelerator; "
                "with torchrun or SLURM, leave out --devices and --nodes."
            ) from error
        return fabric


def _started_elsewhere() -> tuple[int, int] | None:
    """Processes on this machine, and machines, where torchrun or SLURM started this process."""
    world = os.environ
    if "TORCHELASTIC_RUN_ID" in world:
        here = int(world["LOCAL_WORLD_SIZE"])
        return here, int(world["WORLD_SIZE"]) // here
    if "SLURM_NTASKS" in world and world.get("SLURM_JOB_NAME") not in ("bash", "interactive"):
        nodes = int(world.get("SLURM_NNODES", "1"))
        return int(world["SLURM_NTASKS"]) // nodes, nodes
    return None
