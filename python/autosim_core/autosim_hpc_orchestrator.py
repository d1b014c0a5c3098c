"""From an MDAnalysis Universe to umbrella windows, without blocking the event loop.

    result = extract_reaction_coordinates(universe)
    window = await launch_umbrella_window(config, "system.tpr", "output")
    windows = await execute_autosim_batch(12, max_concurrent_jobs=4)

Lengths are nm, variances nm^2, energies kJ/mol, times ps, also where MDAnalysis uses
Angstrom. What happens is logged in autosim_compute.log, of the current folder for
components and of its own folder for a window or batch.
"""
from . import _batch, _pca
from ._batch import execute_autosim_batch
from ._library import (AutosimError, CampaignLocked, EnvironmentProblem, InputError,
                       UsageError)
from ._pca import PCVectorResult, PrincipalComponent
from ._results import WindowResult, print_window_status_table
from ._windows import UmbrellaWindowConfig, launch_umbrella_window

__all__ = ["AutosimError", "CampaignLocked", "EnvironmentProblem", "InputError",
           "PCVectorResult", "PrincipalComponent", "UmbrellaWindowConfig", "UsageError",
           "WindowResult", "execute_autosim_batch", "extract_reaction_coordinates",
           "launch_umbrella_window", "print_window_status_table"]


def extract_reaction_coordinates(universe, atom_selection="protein and name CA",
                                 align_selection=None, memory_efficient=True, **options):
    result = _pca.extract_reaction_coordinates(universe, atom_selection, align_selection,
                                               memory_efficient, **options)
    _batch.remember(result)
    return result


extract_reaction_coordinates.__doc__ = _pca.extract_reaction_coordinates.__doc__
