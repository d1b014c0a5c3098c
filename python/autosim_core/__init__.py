"""autosim for Python: principal components of an MDAnalysis Universe, umbrella windows
with GROMACS under asyncio. The work is done by libautosim; see
autosim_hpc_orchestrator."""
from ._library import (AutosimError, CampaignLocked, EnvironmentProblem, InputError,
                       UsageError, __version__)

__all__ = ["AutosimError", "CampaignLocked", "EnvironmentProblem", "InputError",
           "UsageError", "__version__"]
